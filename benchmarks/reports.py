"""What finance waits for: the trial balance of ten million postings, exports, and invoices."""

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import NamedTuple

import psycopg
from sqlalchemy import Engine, create_engine

from benchmarks.report import print_measures
from benchmarks.reports_books import BEGIN, POSTINGS_AN_ORDER, SPAN, roll_all, write_report_books
from benchmarks.reports_export import export_journal
from benchmarks.server import connect, migrate, socket_url
from ledger.reporting import Scope, fix_as_of, trial_balance
from payments.documents.renderer import Renderer, choose_renderer
from payments.invoices.draw import draw_document
from sandbox.postgres import OWNER, Postgres
from tests.payments.invoices.samples import SAMPLES

LARGE = 10_000_000  # postings
CSV_ROWS, XLSX_ROWS = 1_000_000, 200_000
_READS = 11
_CHILDREN = 2
_INVOICES = 20
_DATABASE = "reports"


class ReportFigures(NamedTuple):
    """What `make bench` tells of reports; a trial balance includes fixing its moment."""

    postings: int
    accounts: int
    rolled_entries_s: float
    trial_balance_ms: float
    of_a_month_ms: float
    of_a_month_as_of_its_end_ms: float
    as_of_amid_a_day_ms: float
    by_recording_ms: float
    csv_rows: int
    csv_rows_s: float
    csv_cpu_us_a_row: float
    csv_peak_mb: float
    csv_peak_tenth_mb: float
    xlsx_rows: int
    xlsx_s: float
    xlsx_peak_mb: float


class InvoiceFigures(NamedTuple):
    """An invoice with its e-invoice: one after the other, and two at once."""

    one_invoice_s: float
    invoices_s: float
    invoice_kb: float


def measure_reports(postgres: Postgres, *, postings: int = LARGE) -> None:
    """Write the books, measure reports and invoices, and print the figures."""
    figures = _reports(postgres, postings)
    print_measures(f"Reports of {postings:,} postings", figures)
    renderer = choose_renderer()
    if renderer is not None:
        print_measures(f"Invoices by {renderer.name}", _invoices(renderer))


def _reports(postgres: Postgres, postings: int) -> ReportFigures:
    with psycopg.connect(postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_DATABASE} OWNER {OWNER}".encode())
    migrate(postgres.url(_DATABASE))
    url = socket_url(postgres, _DATABASE)
    owner = create_engine(url)
    write_report_books(owner, postings=postings)
    _vacuum(postgres)
    begun = time.perf_counter()
    rolled = roll_all(owner) / (time.perf_counter() - begun)
    _vacuum(postgres)
    engine = connect(url)
    balances = {name: median(_timed(engine, scope)) for name, scope in _scopes().items()}
    csv = export_journal(url, format_name="csv", **_days(CSV_ROWS, postings))
    tenth = export_journal(url, format_name="csv", **_days(CSV_ROWS // 10, postings))
    xlsx = export_journal(url, format_name="xlsx", **_days(XLSX_ROWS, postings))
    with engine.begin() as connection:
        counted = connection.exec_driver_sql("SELECT count(*) FROM ledger.accounts").scalar_one()
    figures = ReportFigures(
        postings=postings,
        accounts=counted,
        rolled_entries_s=rolled,
        **balances,
        csv_rows=csv.rows,
        csv_rows_s=csv.rows / csv.wall_s,
        csv_cpu_us_a_row=1e6 * csv.cpu_s / csv.rows,
        csv_peak_mb=csv.peak_rss_mb,
        csv_peak_tenth_mb=tenth.peak_rss_mb,
        xlsx_rows=xlsx.rows,
        xlsx_s=xlsx.wall_s,
        xlsx_peak_mb=xlsx.peak_rss_mb,
    )
    owner.dispose()
    engine.dispose()
    return figures


def _scopes() -> dict[str, Scope]:
    """Return the trial balances that are read: as of now and then, on both axes."""
    now = dt.datetime.now(dt.UTC)
    first, last = dt.date(2026, 3, 1), dt.date(2026, 3, 31)
    month_end = dt.datetime(2026, 3, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC)
    amid = dt.datetime(2026, 3, 15, 11, 30, tzinfo=dt.UTC)
    return {
        "trial_balance_ms": Scope(as_of=now),
        "of_a_month_ms": Scope(as_of=now, first_day=first, last_day=last),
        "of_a_month_as_of_its_end_ms": Scope(as_of=month_end, first_day=first, last_day=last),
        "as_of_amid_a_day_ms": Scope(as_of=amid, first_day=first),
        "by_recording_ms": Scope(as_of=now, axis="recorded", first_day=first, last_day=last),
    }


def _timed(engine: Engine, scope: Scope) -> list[float]:
    times = []
    for _ in range(_READS):
        begun = time.perf_counter()
        fix_as_of(engine, scope.as_of, now=dt.datetime.now(dt.UTC))
        with engine.connect() as connection:
            rows = list(trial_balance(connection, scope))
        times.append(1000 * (time.perf_counter() - begun))
        if sum(row.closing for row in rows if row.asset == "USD"):
            raise AssertionError("the trial balance does not balance")
    return times


def _days(rows: int, postings: int) -> dict[str, dt.date]:
    """Return days from the middle of the books that hold about so many postings."""
    orders_a_day = postings / POSTINGS_AN_ORDER / SPAN.days
    first = (BEGIN + SPAN / 2).date()
    length = round(rows / POSTINGS_AN_ORDER / orders_a_day)
    return {"first_day": first, "last_day": first + dt.timedelta(days=length - 1)}


def _vacuum(postgres: Postgres) -> None:
    with psycopg.connect(postgres.superuser_url(_DATABASE), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _invoices(renderer: Renderer) -> InvoiceFigures:
    sample = next(iter(SAMPLES.values()))

    def draw(_number: int) -> bytes:
        drawn = draw_document(sample, renderer)
        if drawn.problem is not None:
            raise RuntimeError(drawn.problem.text)
        return drawn.files["pdf"]

    draw(0)
    begun = time.perf_counter()
    for number in range(_INVOICES):
        pdf = draw(number)
    one = (time.perf_counter() - begun) / _INVOICES
    begun = time.perf_counter()
    with ThreadPoolExecutor(_CHILDREN) as threads:
        list(threads.map(draw, range(2 * _INVOICES)))
    rate = 2 * _INVOICES / (time.perf_counter() - begun)
    return InvoiceFigures(one_invoice_s=one, invoices_s=rate, invoice_kb=len(pdf) / 1024)
