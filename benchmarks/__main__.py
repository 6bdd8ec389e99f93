"""`make bench`: all there is, a quarter of an hour; `ARGS=--quick`: the first two cases."""

import argparse
import platform

import psycopg
from sqlalchemy import create_engine

from benchmarks.batches import batch_rows
from benchmarks.books import Books
from benchmarks.floor import create_floor
from benchmarks.history import LARGE, SMALL, balance_figures, fill, growth_figures
from benchmarks.intents import measure_intents
from benchmarks.reconciliation import measure_reconciliation
from benchmarks.report import console, print_figures, print_measures, print_rows
from benchmarks.reports import measure_reports
from benchmarks.server import connect, migrate, running_server, socket_url
from benchmarks.singles import single_rows
from benchmarks.streams import measure_streams
from benchmarks.watching import measure_watching
from benchmarks.webhooks import measure_webhooks
from sandbox.postgres import OWNER, Postgres

SYSTEM = ("webhooks", "intents", "streams", "watching")


def main() -> None:
    """Run the benchmarks and print their figures."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only the batches, a few seconds each")
    parser.add_argument("--singles", action="store_true", help="only the single entries")
    parser.add_argument("--system", choices=(*SYSTEM, "all"), help="only the running system")
    parser.add_argument("--reconciliation", action="store_true", help="only reconciliation")
    parser.add_argument("--reports", action="store_true", help="only reports and invoices")
    parser.add_argument("--seconds", type=float, default=20, help="for each case; default 20")
    arguments = parser.parse_args()
    with running_server() as postgres:
        _tell_where(postgres)
        if arguments.system:
            _system(postgres, SYSTEM if arguments.system == "all" else (arguments.system,))
            return
        if arguments.reconciliation:
            measure_reconciliation(postgres)
            return
        if arguments.reports:
            measure_reports(postgres)
            return
        url = socket_url(postgres)
        create_floor(create_engine(url))
        engine = connect(url)
        books = Books(engine)
        seconds = 4 if arguments.quick else arguments.seconds
        rows = [] if arguments.singles else batch_rows(engine, books, seconds=seconds)
        if not arguments.quick:
            rows += single_rows(url, seconds=seconds)
        print_rows(rows)
        engine.dispose()
        if not (arguments.quick or arguments.singles):
            _history(postgres, seconds=seconds)
            _system(postgres, SYSTEM)
            measure_reconciliation(postgres)
            measure_reports(postgres)


def _system(postgres: Postgres, cases: tuple[str, ...]) -> None:
    """Measure the whole system; each case has its own processes and its own database."""
    if "webhooks" in cases:
        print_measures("10,000 signed webhooks over 64 connections", measure_webhooks(postgres))
    if "intents" in cases:
        title = "Payment intents, 16 callers, a Stripe that takes 200 ms"
        print_measures(title, measure_intents(postgres))
    if "streams" in cases:
        print_measures("5,000 event streams in one process", measure_streams(postgres))
    if "watching" in cases:
        title = "Watching 1,000 open escrows: calls to the node, and time"
        print_measures(title, measure_watching(postgres))


def _history(postgres: Postgres, *, seconds: float) -> None:
    ledgers = []
    for name, postings in (("small", SMALL), ("large", LARGE)):
        with psycopg.connect(postgres.superuser_url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}".encode())
        migrate(postgres.url(name))
        engine = connect(socket_url(postgres, name))
        books = Books(engine)
        fill(engine, books, postings=postings)
        with psycopg.connect(postgres.superuser_url(name), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        ledgers.append((engine, books))
    small, large = ledgers
    figures = balance_figures(*large)
    print_figures(figures + growth_figures(small, large, seconds=seconds))
    for engine, _ in ledgers:
        engine.dispose()


def _tell_where(postgres: Postgres) -> None:
    with psycopg.connect(postgres.superuser_url()) as connection:
        version = connection.info.server_version
    console().print(
        f"PostgreSQL {version // 10000}.{version % 10000}, Python {platform.python_version()},"
        f" {platform.machine()}; server and callers share the machine; durable commits"
    )


if __name__ == "__main__":
    main()
