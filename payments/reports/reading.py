"""What a report is made from: a fixed part of the books, read on one connection."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

import ledger
from ledger.reporting.scope import Scope
from payments.errors import InvalidRequestError, NotFoundError
from payments.reports.report import Cell, Column, Report
from payments.reports.wanted import Wanted


@dataclass(frozen=True, kw_only=True)
class Page:
    """A part of a long report: at most `limit` rows after the one that `after` names."""

    after: str | None
    limit: int


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One reading of the books; `sequence` is the newest entry that may be in it."""

    connection: Connection
    wanted: Wanted
    scope: Scope
    sequence: int
    assets: Mapping[str, ledger.Asset]
    page: Page | None = None

    def report(
        self,
        title: str,
        columns: tuple[Column, ...],
        rows: Iterator[tuple[Cell, ...]],
        *,
        drill_down: Callable[[tuple[Cell, ...]], str | None],
        name: str | None = None,
    ) -> Report:
        """Return the report that was wanted, or another one by name, of this part of the books."""
        return Report(
            name=name or self.wanted.report,
            title=title,
            scope=self.scope,
            sequence=self.sequence,
            columns=columns,
            rows=rows,
            assets=self.assets,
            parameters=self.wanted.parameters(),
            drill_down=drill_down,
        )


def check_names(connection: Connection, wanted: Wanted, known: Mapping[str, ledger.Asset]) -> None:
    """Refuse names that stand for nothing, which would give an empty report.

    Raises:
        InvalidRequestError: there is no such asset, account, control account or party.
        NotFoundError: a statement is wanted of an account that there is not.
    """
    faults: dict[str, list[str]] = {}
    if wanted.asset is not None and wanted.asset not in known:
        faults["asset"] = [f"There is no asset {wanted.asset}; there are {', '.join(known)}."]
    if wanted.account is not None and not _has_account(connection, wanted):
        if wanted.report == "account-statement":
            raise NotFoundError(f"There is no account {wanted.account}.")
        told = f"There is no account {wanted.account}, nor one below it; the trial balance has all."
        faults["account"] = [told]
    if wanted.control is not None and not _exists(
        connection, "SELECT FROM ledger.accounts WHERE control = %s", wanted.control
    ):
        faults["control"] = [f"There is no control account {wanted.control}."]
    if wanted.seller_id is not None and not _exists(
        connection, "SELECT FROM strongroom.parties WHERE id = %s", wanted.seller_id
    ):
        faults["seller_id"] = ["There is no party with this id."]
    if faults:
        raise InvalidRequestError("The report cannot be made like this.", errors=faults)


def _has_account(connection: Connection, wanted: Wanted) -> bool:
    path = wanted.account or ""
    if wanted.report == "account-statement":
        return _exists(connection, "SELECT FROM ledger.accounts WHERE path = %s", path)
    return _exists(
        connection,
        "SELECT FROM ledger.accounts WHERE path >= %s AND path < %s"
        " AND (path = %s OR starts_with(path, %s))",
        path,
        f"{path};",
        path,
        f"{path}:",
    )


def _exists(connection: Connection, query: str, *values: str) -> bool:
    found = connection.exec_driver_sql(f"SELECT EXISTS ({query})", values)
    return bool(found.scalar_one())
