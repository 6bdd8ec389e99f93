"""PostgreSQL: which it is, whether it keeps what it is told, and whether the books hold."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ledger import broken_invariants
from payments.chain_checks import forsaken_chains, frozen_signers, standstills
from payments.database import APPLICATION_ROLE
from payments.doctor.clocks import judge_clock
from payments.doctor.postgres_logs import postgres_logs
from payments.doctor.postgres_roles import postgres_role, process_roles, shared_logins
from payments.doctor.postgres_transport import postgres_transport
from payments.doctor.secrets_age import secrets_age
from payments.provider_checks import (
    CONNECT_TIMEOUT_S,
    Check,
    State,
    forsaken_payments,
    place,
)
from payments.settings import Settings

OLDEST_POSTGRES = 15

# https://www.postgresql.org/support/versioning/
LAST_DAY = {
    15: dt.date(2027, 11, 11),
    16: dt.date(2028, 11, 9),
    17: dt.date(2029, 11, 8),
    18: dt.date(2030, 11, 14),
}
"""Until when each major version gets corrections of security."""

_GLANCE_S = 5
_QUERY_CANCELED = "57014"  # https://www.postgresql.org/docs/current/errcodes-appendix.html
_VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"


def postgres_checks(settings: Settings, *, now: dt.datetime) -> list[Check]:
    """Ask the database; all of it is one line when it does not answer."""
    engine = create_engine(
        settings.database_url,
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )
    in_production = () if settings.is_sandbox else (_postgres_archive, shared_logins)
    looks: list[Callable[[Connection], Check]] = [
        _version_at(now.date()),
        _named("PostgreSQL TLS", lambda c: postgres_transport(c, settings.database_url)),
        _named("PostgreSQL role", lambda c: postgres_role(c, is_sandbox=settings.is_sandbox)),
        process_roles,
        _postgres_durability,
        _named("PostgreSQL log", postgres_logs),
        _clock_beside(now),
        *in_production,
        _migrations,
        _ledger,
        _named("Secrets' age", lambda c: secrets_age(c, settings, now=now)),
        _named("Bank payments", lambda c: forsaken_payments(c, settings)),
        standstills,
        frozen_signers,
        _named("Escrows", lambda c: forsaken_chains(c, settings)),
    ]
    try:
        with engine.connect() as connection:
            return [_look(look, connection) for look in looks]
    except SQLAlchemyError as error:
        at = place(settings.database_url)
        return [Check("PostgreSQL", State.FAIL, f"{at} does not answer: {_first_line(error)}")]


def _named(name: str, look: Callable[[Connection], Check]) -> Callable[[Connection], Check]:
    look_at = look

    def named(connection: Connection) -> Check:
        return look_at(connection)

    named.__name__ = name
    return named


def _version_at(today: dt.date) -> Callable[[Connection], Check]:
    def postgres_version(connection: Connection) -> Check:
        version = _setting(connection, "server_version")
        url = connection.engine.url
        major = int(_setting(connection, "server_version_num")) // 10_000
        detail = f"{version.split()[0]} on {url.host}:{url.port or 5432}, database {url.database}"
        if major < OLDEST_POSTGRES:
            change = f"upgrade to {OLDEST_POSTGRES} or newer"
            return Check("PostgreSQL", State.FAIL, f"{detail}; it is too old", change)
        if today > LAST_DAY.get(major, today):
            change = "upgrade to a version that gets corrections"
            return Check("PostgreSQL", State.WARN, f"{detail}; no corrections any more", change)
        return Check("PostgreSQL", State.OK, detail)

    return postgres_version


def _clock_beside(now: dt.datetime) -> Callable[[Connection], Check]:
    def clock(connection: Connection) -> Check:
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return judge_clock("Clock beside PostgreSQL's", now - theirs)

    return clock


def _postgres_archive(connection: Connection) -> Check:
    name = "PostgreSQL archive"
    mode, command = _setting(connection, "archive_mode"), _setting(connection, "archive_command")
    streams = connection.execute(text("SELECT count(*) FROM pg_stat_replication")).scalar_one()
    if mode != "off" and command != "(disabled)":
        return Check(name, State.OK, f"archive_mode {mode}")
    if streams:
        return Check(name, State.OK, f"{streams} stream(s) to replicas or an archive")
    change = "archive the WAL (archive_mode = on, archive_command or pg_receivewal)"
    detail = "no WAL leaves this machine: a lost disk loses all since the last backup"
    return Check(name, State.WARN, detail, change)


def _look(look: Callable[[Connection], Check], connection: Connection) -> Check:
    try:
        with connection.begin():
            return look(connection)
    except SQLAlchemyError as error:
        name = look.__name__.strip("_").replace("_", " ").replace("postgres", "PostgreSQL")
        return Check(name[0].upper() + name[1:], State.FAIL, _first_line(error))


def _postgres_durability(connection: Connection) -> Check:
    names = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
    off = [name for name in names if _setting(connection, name) == "off"]
    if {"fsync", "full_page_writes", "synchronous_commit"} & set(off):
        detail = f"{', '.join(off)} off: a power cut loses money"
        change = f"set {', '.join(off)} to on in postgresql.conf"
        return Check("PostgreSQL durability", State.FAIL, detail, change)
    if off:
        change = "switch them on with pg_checksums --enable"
        return Check("PostgreSQL durability", State.WARN, f"{', '.join(off)} off", change)
    return Check("PostgreSQL durability", State.OK, f"{', '.join(names)} on")


def _migrations(connection: Connection) -> Check:
    newest = max(file.name.split("_")[0] for file in _VERSIONS.glob("[0-9]*.py"))
    current = connection.execute(text("SELECT max(version_num) FROM alembic_version")).scalar()
    if current == newest:
        return Check("Migrations", State.OK, f"at {current}, the newest")
    detail = f"at {current or 'none'}, newest is {newest}"
    return Check("Migrations", State.FAIL, detail, "run make migrate")


def _ledger(connection: Connection) -> Check:
    connection.execute(text(f"SET LOCAL ROLE {APPLICATION_ROLE}"))
    connection.execute(text(f"SET LOCAL statement_timeout = '{_GLANCE_S}s'"))
    try:
        broken = broken_invariants(connection)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _QUERY_CANCELED:
            raise
        detail = "too large for a glance: run strongroom ledger invariants"
        return Check("Ledger", State.WARN, detail)
    if broken:
        names = "; ".join(invariant.name for invariant in broken)
        return Check("Ledger", State.FAIL, f"these no longer hold: {names}")
    return Check("Ledger", State.OK, "every invariant holds")


def _setting(connection: Connection, name: str) -> str:
    return str(connection.execute(text("SELECT current_setting(:n)"), {"n": name}).scalar_one())


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).partition("\n")[0]
