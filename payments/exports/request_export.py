"""An export is asked for, once per reference; a job writes it."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import ledger
from payments import idempotency
from payments.access.caller import Caller
from payments.delivery import outbox
from payments.errors import TooManyRequestsError
from payments.exports.tables import Export
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.reports.file_format import check_format
from payments.reports.reading import check_names
from payments.reports.wanted import moment_text, read_wanted

JOB = "make_export"
OPERATION = "exports.create"
KEPT_FOR = dt.timedelta(hours=24)
"""How long an export can be fetched once it is ready."""

MOST_AT_ONCE = 20
_RETRY_AFTER_S = 30


def request_export(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    report: str,
    format_name: str,
    filters: Mapping[str, str],
    now: dt.datetime,
    request_id: str | None,
) -> Answered[Export]:
    """Write an export down with its `as_of` fixed (default: this moment), and have it made.

    Raises:
        InvalidRequestError: see `read_wanted`, `check_format` and `check_names`.
        TooManyRequestsError: as many as may be are being made.
        InProgressError, ReferenceReusedError.
    """
    wanted = read_wanted(report, filters, now=now)
    check_format(wanted, format_name)
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint(
            {"report": report, "format": format_name, "filters": dict(filters)}
        ),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(Export, claim.replayed_id), replayed=True)
    check_names(session.connection(), wanted, ledger.assets(session.connection()))
    _check_room(session)
    # By the database's clock, which dates entries: what was posted before is in it.
    as_of = wanted.as_of or session.execute(select(func.clock_timestamp())).scalar_one()
    export = Export(
        id=new_id("exp", now=now),
        report=report,
        format=format_name,
        parameters=wanted.parameters() | {"as_of": moment_text(as_of)},
        status="waiting",
        requested_by=caller.principal,
        created_at=now,
        updated_at=now,
        expires_at=now + KEPT_FOR,
    )
    session.add(export)
    session.flush()
    args = {"export_id": export.id}
    outbox.stage(session, job=JOB, args=args, request_id=request_id, now=now)
    idempotency.finish(session, claim, resource_id=export.id, now=now)
    return Answered(export, replayed=False)


def _check_room(session: Session) -> None:
    unfinished = select(func.count()).where(Export.status.in_(("waiting", "running")))
    if (session.scalar(unfinished) or 0) >= MOST_AT_ONCE:
        raise TooManyRequestsError(
            f"{MOST_AT_ONCE} exports are being made.", retry_after_s=_RETRY_AFTER_S
        )
