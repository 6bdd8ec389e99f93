"""A whole run on PostgreSQL: files imported, then expectations read, lines matched and booked.

The run works in a process of its own with the application's own connections, as a worker's job
does. No provider is set up, so none is asked: how long they take is not ours to measure.
"""

import datetime as dt
import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from typing import NamedTuple

import psycopg
from rich.progress import track
from sqlalchemy import Engine, text

from benchmarks.reconciliation_books import write_books
from benchmarks.reconciliation_engine import LARGE, SMALL
from benchmarks.reconciliation_statements import ACCOUNT, bank_ref_of, statements_of
from benchmarks.reconciliation_truth import Judgement, Matched, judge
from benchmarks.reconciliation_world import DAYS, LATEST, World, make_world
from benchmarks.server import connect, migrate, socket_url
from benchmarks.system import tree_s
from payments.access.caller import Caller, Role
from payments.database import connect_engine, transaction
from payments.invariants import broken_invariants
from payments.privacy.data_keys import connect_cipher
from payments.privacy.encryption import new_keyset_json
from payments.providers.connect import Providers
from payments.providers.stripe.client import connect_stripe
from payments.reconciliation.import_statement import import_statement
from payments.reconciliation.progress import turn
from payments.reconciliation.request_run import add_run
from payments.reconciliation.run import Means, reconcile
from payments.settings import Settings, read_settings
from sandbox.postgres import OWNER, Postgres

_URL = "RECONCILED_DATABASE_URL"
_FINANCE = Caller(principal="key:benchmark", role=Role.FINANCE)
_AN_HOUR = dt.timedelta(hours=1)
_SETTINGS = {
    "STRONGROOM_ENV": "sandbox",
    "REDIS_URL": "redis://127.0.0.1:9",
    "STRIPE_SECRET_KEY": "sk_test_benchmark",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_benchmark",
    "STRIPE_WEBHOOK_SECRETS": "whsec_benchmark",
    "STRIPE_API_URL": "http://127.0.0.1:9",
    "JWT_JWKS": '{"keys": []}',
    "JWT_ISSUER": "benchmark",
    "API_KEY_PEPPER": "benchmark",
}

_MATCHED = text("""
    SELECT l.bank_ref, e.kind, e.provider_ref, CAST(p.amount AS text) AS amount
      FROM strongroom.matches m
      JOIN strongroom.statement_lines l ON l.id = m.line_id
      JOIN strongroom.match_parts p ON p.match_id = m.id
      LEFT JOIN strongroom.expectations e ON e.id = p.expectation_id
     WHERE m.state = 'active'
""")


class RunFigures(NamedTuple):
    """What `make bench` tells of a run; seconds and MB of the large world."""

    payments: int
    lines: int
    import_s: float
    run_s: float
    run_small_s: float
    growth: float
    processor_s: dict[str, float]
    peak_rss_mb: float
    second_run_s: float
    precision_percent: float
    recall_percent: float
    received_again: int
    invariants_broken: int


class Ran(NamedTuple):
    """A run in a process of its own."""

    seconds: float
    processor_s: float
    peak_rss_mb: float
    figures: dict[str, int]


class _World(NamedTuple):
    world: World
    url: str
    engine: Engine
    import_s: float
    run: Ran
    processor_s: dict[str, float]
    second: Ran


def measure_run(postgres: Postgres, *, seed: int) -> tuple[RunFigures, Judgement]:
    """Import and reconcile a small and a large world, each in a database of its own.

    `growth` is the processor time a line takes in the large world over that in the small one;
    `received_again` are the second lines of duplicates, taken in as money that came twice.
    """
    small, large = (_reconciled(postgres, size, seed) for size in (SMALL, LARGE))
    matched, received = _matched(large.engine, large.world)
    judgement = judge(large.world, matched, received)
    figures = RunFigures(
        payments=LARGE,
        lines=len(large.world.said),
        import_s=large.import_s,
        run_s=large.run.seconds,
        run_small_s=small.run.seconds,
        growth=_a_line(large) / _a_line(small),
        processor_s=large.processor_s,
        peak_rss_mb=large.run.peak_rss_mb,
        second_run_s=large.second.seconds,
        precision_percent=100 * judgement.precision,
        recall_percent=100 * judgement.recall,
        received_again=len(received),
        invariants_broken=_broken(large.url),
    )
    small.engine.dispose()
    large.engine.dispose()
    return figures, judgement


def _broken(url: str) -> int:
    """Check what must always hold of the books; far more rows than an application waits for."""
    engine = connect(url)
    with engine.connect() as connection:
        broken = len(broken_invariants(connection))
    engine.dispose()
    return broken


def _a_line(world: _World) -> float:
    return sum(world.processor_s.values()) / len(world.world.said)


def _reconciled(postgres: Postgres, payments: int, seed: int) -> _World:
    now = dt.datetime.now(dt.UTC)
    first_day = now.date() - dt.timedelta(days=DAYS + LATEST)
    world = make_world(payments=payments, seed=seed, first_day=first_day)
    database = f"reconciled_{payments}"
    with psycopg.connect(postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database} OWNER {OWNER}".encode())
    migrate(postgres.url(database))
    url = socket_url(postgres, database)
    engine = connect_engine(url)
    settings = read_settings(
        {**_SETTINGS, "DATABASE_URL": url, "ENCRYPTION_KEYSET": new_keyset_json()}
    )
    write_books(engine, world, settings, now=now)
    with psycopg.connect(postgres.superuser_url(database), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")  # as autovacuum would have by then
    import_s = _import(engine, world, settings, now=now)
    before = tree_s(postgres.pid or 0)
    first = _in_own_process(url)
    processor_s = {"run": first.processor_s, "postgres": tree_s(postgres.pid or 0) - before}
    return _World(world, url, engine, import_s, first, processor_s, _in_own_process(url))


def _import(engine: Engine, world: World, settings: Settings, *, now: dt.datetime) -> float:
    cipher = connect_cipher(engine, settings.encryption_keyset)
    files = list(statements_of(world))
    begun = time.perf_counter()
    for name, content in track(files, description=f"importing {len(files)} files"):
        import_statement(
            engine,
            caller=_FINANCE,
            content=content,
            filename=name,
            account=ACCOUNT.name,
            accounts={ACCOUNT.name: ACCOUNT},
            cipher=cipher,
            now=now,
        )
    return time.perf_counter() - begun


def _matched(engine: Engine, world: World) -> tuple[Matched, set[str]]:
    """Return what lines were matched with, and the lines that were taken in as more money."""
    lines = {bank_ref_of(said): said.id for said in world.said}
    numbers = {(paid.kind, paid.provider_ref): paid.n for paid in world.paid}
    parts: dict[str, list[tuple[int, int]]] = defaultdict(list)
    received = set()
    with engine.connect() as connection:
        for bank_ref, kind, provider_ref, amount in connection.execute(_MATCHED):
            line_id = lines[bank_ref]
            if kind == "receipt":
                received.add(line_id)
            else:
                found = parts[line_id]
                if kind is not None:
                    found.append((numbers[kind, provider_ref], int(amount)))
    return {line_id: tuple(found) for line_id, found in parts.items()}, received


def _in_own_process(url: str) -> Ran:
    module = (sys.executable, "-m", "benchmarks.reconciliation_run")
    told = subprocess.run(
        module, check=True, stdout=subprocess.PIPE, env={**os.environ, _URL: url}
    ).stdout
    return Ran(*json.loads(told.splitlines()[-1]))


def main() -> None:
    """Make one run of the database in the environment, and print what it took, as JSON."""
    url = os.environ[_URL]
    settings = read_settings({**_SETTINGS, "DATABASE_URL": url, "ENCRYPTION_KEYSET": "{}"})
    engine = connect_engine(url)
    means = Means(
        engine=engine,
        providers=Providers(stripe=connect_stripe(settings), banks={}),
        clock=_now,
    )
    with transaction(engine) as session:
        run_id = add_run(session, requested_by=_FINANCE.principal, now=_now()).id
    begun, begun_cpu = time.perf_counter(), time.process_time()
    with turn(engine):
        figures = reconcile(means, run_id, until=_now() + _AN_HOUR)
    seconds, processor_s = time.perf_counter() - begun, time.process_time() - begun_cpu
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    json.dump([seconds, processor_s, peak_kb / 1024, figures], sys.stdout)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


if __name__ == "__main__":
    main()
