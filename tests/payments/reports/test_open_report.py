"""Reports are written while they are read: memory does not grow with the books."""

import datetime as dt
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

import ledger
from payments.reports.formats.registry import FORMATS
from payments.reports.formats.tally import Tally
from payments.reports.json_text import json_pieces
from payments.reports.open_report import OpenReport, open_report
from payments.reports.wanted import Wanted

NOON = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)
ENTRIES = 30_000
BATCH = 1_000
FLAT_BYTES = 12_000_000  # the whole CSV of the journal is larger


@pytest.fixture(scope="module", autouse=True)
def books(engine: Engine) -> None:
    with engine.begin() as connection:
        names = ("assets:bank:main", "equity:owners")
        specs = [ledger.AccountSpec(name, "EUR", mode="deferred") for name in names]
        first, second = ledger.open_accounts(connection, specs).values()
        lines = (ledger.Posting(first, 5), ledger.Posting(second, -5))
        for start in range(0, ENTRIES, BATCH):
            ledger.post_batch(
                connection,
                [
                    ledger.Entry(f"many:{n:09d}", "test", NOON, lines, f"A description of {n}")
                    for n in range(start, start + BATCH)
                ],
            )


def pieces(opened: OpenReport, format_name: str, tally: Tally) -> Iterator[bytes]:
    if format_name == "json":
        return json_pieces(opened.report, tally)
    return FORMATS[format_name].encoder(opened.connection)(opened.report, tally)


@pytest.mark.parametrize("report", ["journal", "general-ledger"])
@pytest.mark.parametrize("format_name", ["csv", "json"])
def test_memory_is_flat(engine: Engine, report: str, format_name: str) -> None:
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the database records by the real clock
    tracemalloc.start()
    try:
        with open_report(engine, Wanted(report=report), now=now) as opened:
            tally = Tally()
            size = sum(map(len, pieces(opened, format_name, tally)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert tally.rows >= 2 * ENTRIES
    assert size > 2 * ENTRIES * 60
    assert peak < FLAT_BYTES, f"{peak:,} bytes for {size:,}"


def test_drill_down_is_not_worked_out_for_files(engine: Engine) -> None:
    def refuse(_row: object) -> str:
        raise AssertionError

    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - as above
    with open_report(engine, Wanted(report="trial-balance"), now=now) as opened:
        report = replace(opened.report, drill_down=refuse)
        encode = FORMATS["csv"].encoder(opened.connection)
        assert b"assets:bank:main" in b"".join(encode(report, Tally()))
