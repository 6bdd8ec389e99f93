"""Opens a report: fixes what was in the books by then, and reads it from one snapshot."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

import ledger
from ledger.errors import BooksInMotionError
from ledger.reporting import FixedMoment, fix_as_of, posting_count
from payments.database import read_snapshot
from payments.errors import UnavailableError
from payments.reports.make_report import make_report
from payments.reports.names import DEFINITIONS
from payments.reports.reading import Page, Reading, check_names
from payments.reports.report import Report
from payments.reports.wanted import Wanted

PATIENCE_S = 10.0
"""How long an entry that is being written is waited for."""


@dataclass(frozen=True)
class OpenReport:
    """A report while it can be read, and the connection its rows come from."""

    report: Report
    connection: Connection


@contextmanager
def open_report(
    engine: Engine,
    wanted: Wanted,
    *,
    now: dt.datetime,
    page: Page | None = None,
    statement_timeout_s: int | None = None,
) -> Iterator[OpenReport]:
    """Open the report that is wanted; its rows are read until the block ends.

    The same filters with the same `as_of` give the same rows for ever: what was recorded later is
    left out, and what was being recorded then is waited for.

    Raises:
        InvalidRequestError, NotFoundError: see `check_names`.
        UnavailableError: an entry of that time is still being written; safe to try again.
    """
    fixed = fix_moment(engine, wanted.as_of, now=now)
    with open_fixed(
        engine, wanted, fixed, page=page, statement_timeout_s=statement_timeout_s
    ) as opened:
        yield opened


def fix_moment(engine: Engine, as_of: dt.datetime | None, *, now: dt.datetime) -> FixedMoment:
    """Return the moment a report shows, when nothing can be written into it any more.

    Raises:
        UnavailableError: an entry of that time is still being written; safe to try again.
    """
    try:
        # The database's clock may be ahead of ours: `read_wanted` has judged what is the future.
        return fix_as_of(engine, as_of, now=max(now, as_of or now), patience_s=PATIENCE_S)
    except BooksInMotionError as error:
        raise UnavailableError("An entry of that time is still being written.") from error


@contextmanager
def open_fixed(
    engine: Engine,
    wanted: Wanted,
    fixed: FixedMoment,
    *,
    page: Page | None = None,
    statement_timeout_s: int | None = None,
) -> Iterator[OpenReport]:
    """Open a report as of a moment that was fixed before."""
    with read_snapshot(engine) as connection:
        if statement_timeout_s is not None:
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{statement_timeout_s:d}s'")
        assets = ledger.assets(connection)
        check_names(connection, wanted, assets)
        reading = Reading(
            connection=connection,
            wanted=wanted,
            scope=wanted.scope(fixed.as_of),
            sequence=fixed.sequence,
            assets=assets,
            page=page,
        )
        yield OpenReport(make_report(reading), connection)


def expected_rows(opened: OpenReport) -> int | None:
    """Return about how many rows a report has, where it is as long as the books; else None."""
    if not DEFINITIONS[opened.report.name].is_paged:
        return None
    parameters = opened.report.parameters
    return posting_count(
        opened.connection,
        opened.report.scope,
        account=parameters.get("account"),
        control=parameters.get("control"),
    )
