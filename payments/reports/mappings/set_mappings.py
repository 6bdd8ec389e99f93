"""Replaces a package's mappings as a whole, or sets one of them."""

import datetime as dt
import re
from collections.abc import Mapping

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import InvalidRequestError, NotFoundError
from payments.reports.mappings.packages import Target
from payments.reports.mappings.tables import AccountMapping

PATH_PATTERN = "(assets|liabilities|equity|income|expenses)(:[A-Za-z0-9_.-]{1,100}){1,10}"
_PATH = re.compile(PATH_PATTERN)
_FORMULA_SIGNS = ("=", "+", "-", "@")


def replace_mappings(
    session: Session,
    package: str,
    targets: Mapping[str, Target],
    *,
    caller: Caller,
    now: dt.datetime,
) -> None:
    """Make these the package's mappings, by path of ours; those that are not among them go.

    Raises:
        InvalidRequestError: a path or a code could not be right.
    """
    for path, target in targets.items():
        _check(package, path, target)
    # Two who replace at once come one after the other, and the second one's stand.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext(:name))"),
        {"name": f"account_mappings:{package}"},
    )
    session.execute(delete(AccountMapping).where(AccountMapping.package == package))
    for path, target in sorted(targets.items()):
        session.add(_row(package, path, target, caller, now))
    session.flush()


def set_mapping(
    session: Session, package: str, path: str, target: Target, *, caller: Caller, now: dt.datetime
) -> None:
    """Set what one account of ours is mapped to.

    Raises:
        InvalidRequestError: the path or the code could not be right.
    """
    _check(package, path, target)
    row = _row(package, path, target, caller, now)
    values = {
        "code": row.code,
        "tax_code": row.tax_code,
        "updated_by": row.updated_by,
        "updated_at": row.updated_at,
    }
    query = insert(AccountMapping).values(package=package, control=path, **values)
    session.execute(query.on_conflict_do_update(index_elements=["package", "control"], set_=values))


def remove_mapping(session: Session, package: str, path: str) -> None:
    """Remove one mapping.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(AccountMapping, (package, path))
    if row is None:
        raise NotFoundError(f"{path} is not mapped to {package}.")
    session.delete(row)
    session.flush()


def _row(
    package: str, path: str, target: Target, caller: Caller, now: dt.datetime
) -> AccountMapping:
    return AccountMapping(
        package=package,
        control=path,
        code=target.code,
        tax_code=target.tax_code,
        updated_by=caller.principal,
        updated_at=now,
    )


def _check(package: str, path: str, target: Target) -> None:
    if not _PATH.fullmatch(path):
        raise _refused(path, "This is no path of an account, such as liabilities:escrow.")
    texts = (target.code, target.tax_code or "")
    if any(one.startswith(_FORMULA_SIGNS) for one in texts):
        raise _refused(path, "A code that begins with = + - or @ would be read as a formula.")
    if package == "xero" and not target.tax_code:
        raise _refused(
            path, "Xero wants the name of a tax rate with every line: give `tax_code`, e.g. No Tax."
        )


def _refused(path: str, why: str) -> InvalidRequestError:
    return InvalidRequestError("A mapping is not valid.", errors={path: [why]})
