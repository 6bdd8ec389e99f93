"""What is running on what, and what about it endangers money: the checks of `strongroom doctor`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ledger import broken_invariants
from payments.chain_checks import chain_checks, forsaken_chains, frozen_signers, standstills
from payments.database import APPLICATION_ROLE
from payments.documents.fonts import missing_scripts
from payments.documents.renderer import choose_renderer
from payments.privacy.encryption import FieldCipher, KeysetError
from payments.provider_checks import (
    CONNECT_TIMEOUT_S,
    Check,
    State,
    forsaken_payments,
    place,
    provider_checks,
)
from payments.settings import Settings

__all__ = ["Check", "State", "checks"]

OLDEST_POSTGRES = 15
OLDEST_REDIS = 7
_GLANCE_S = 5
_QUERY_CANCELED = "57014"  # https://www.postgresql.org/docs/current/errcodes-appendix.html
_VERSIONS = Path(__file__).parents[1] / "migrations" / "versions"


def checks(settings: Settings) -> list[Check]:
    """Look at every part this process would work with; nothing is changed and nothing raised."""
    return [
        _environment(settings),
        *_database(settings),
        *_redis(settings),
        *provider_checks(settings),
        *chain_checks(settings),
        _keyset(settings),
        _people(settings),
        _origins(settings),
        _renderer(),
        _fonts(),
    ]


def _environment(settings: Settings) -> Check:
    if settings.is_sandbox:
        return Check("Environment", State.OK, "sandbox: generated secrets, plain HTTP")
    return Check("Environment", State.OK, "production")


def _database(settings: Settings) -> list[Check]:
    engine = create_engine(
        settings.database_url,
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )
    looks: list[Callable[[Connection], Check]] = [
        _postgres_version,
        _postgres_role,
        _postgres_durability,
        _migrations,
        _ledger,
        _bank_payments_of(settings),
        standstills,
        frozen_signers,
        _escrows_of(settings),
    ]
    try:
        with engine.connect() as connection:
            return [_look(look, connection) for look in looks]
    except SQLAlchemyError as error:
        at = place(settings.database_url)
        return [Check("PostgreSQL", State.FAIL, f"{at} does not answer: {_first_line(error)}")]


def _look(look: Callable[[Connection], Check], connection: Connection) -> Check:
    try:
        with connection.begin():
            return look(connection)
    except SQLAlchemyError as error:
        name = look.__name__.strip("_").replace("_", " ").replace("postgres", "PostgreSQL")
        return Check(name[0].upper() + name[1:], State.FAIL, _first_line(error))


def _postgres_version(connection: Connection) -> Check:
    version = _setting(connection, "server_version")
    url = connection.engine.url
    known = int(_setting(connection, "server_version_num")) // 10_000 >= OLDEST_POSTGRES
    detail = f"{version.split()[0]} on {url.host}:{url.port or 5432}, database {url.database}"
    if known:
        return Check("PostgreSQL", State.OK, detail)
    return Check("PostgreSQL", State.FAIL, f"{detail}; {OLDEST_POSTGRES} or newer is needed")


def _postgres_role(connection: Connection) -> Check:
    row = connection.execute(
        text(
            "SELECT session_user, rolsuper, rolbypassrls, rolcreaterole"
            " FROM pg_roles WHERE rolname = session_user"
        )
    ).one()
    login = str(row.session_user)
    connection.execute(text(f"SET LOCAL ROLE {APPLICATION_ROLE}"))
    if row.rolsuper:
        detail = f"{login} is a superuser: nothing in the database can hold it back"
        return Check("PostgreSQL role", State.WARN, detail)
    return Check("PostgreSQL role", State.OK, f"{login}, working as {APPLICATION_ROLE}")


def _postgres_durability(connection: Connection) -> Check:
    names = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
    off = [name for name in names if _setting(connection, name) == "off"]
    if {"fsync", "full_page_writes", "synchronous_commit"} & set(off):
        detail = f"{', '.join(off)} off: a power cut loses money"
        return Check("PostgreSQL durability", State.FAIL, detail)
    if off:
        return Check("PostgreSQL durability", State.WARN, f"{', '.join(off)} off")
    return Check("PostgreSQL durability", State.OK, f"{', '.join(names)} on")


def _migrations(connection: Connection) -> Check:
    newest = max(file.name.split("_")[0] for file in _VERSIONS.glob("[0-9]*.py"))
    current = connection.execute(text("SELECT max(version_num) FROM alembic_version")).scalar()
    if current == newest:
        return Check("Migrations", State.OK, f"at {current}, the newest")
    detail = f"at {current or 'none'}, newest is {newest}: run make migrate"
    return Check("Migrations", State.FAIL, detail)


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


def _bank_payments_of(settings: Settings) -> Callable[[Connection], Check]:
    def _bank_payments(connection: Connection) -> Check:
        return forsaken_payments(connection, settings)

    return _bank_payments


def _escrows_of(settings: Settings) -> Callable[[Connection], Check]:
    def _escrows(connection: Connection) -> Check:
        return forsaken_chains(connection, settings)

    return _escrows


def _redis(settings: Settings) -> list[Check]:
    at = place(settings.redis_url)
    client = redis.Redis.from_url(
        settings.redis_url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=CONNECT_TIMEOUT_S,
        retry=None,
    )
    try:
        facts: dict[str, Any] = client.info()
    except redis.RedisError as error:
        return [Check("Redis", State.FAIL, f"{at} does not answer: {_first_line(error)}")]
    finally:
        client.close()
    return [
        _redis_version(facts, at),
        _redis_persistence(facts),
        _redis_eviction(facts),
    ]


def _redis_version(facts: dict[str, Any], place: str) -> Check:
    name = "Valkey" if "valkey_version" in facts else "Redis"
    version = str(facts.get("valkey_version") or facts["redis_version"])
    if int(version.split(".", maxsplit=1)[0]) < OLDEST_REDIS:
        detail = f"{version} on {place}; {OLDEST_REDIS} or newer is needed"
        return Check(name, State.FAIL, detail)
    return Check(name, State.OK, f"{version} on {place}")


def _redis_persistence(facts: dict[str, Any]) -> Check:
    if facts.get("aof_enabled"):
        return Check("Redis persistence", State.OK, "append-only file")
    detail = "no append-only file: after a restart, jobs wait for the next sweep of the outbox"
    return Check("Redis persistence", State.WARN, detail)


def _redis_eviction(facts: dict[str, Any]) -> Check:
    policy = str(facts.get("maxmemory_policy", "unknown"))
    if policy == "noeviction":
        return Check("Redis eviction", State.OK, policy)
    return Check("Redis eviction", State.FAIL, f"{policy}: jobs may vanish; set noeviction")


def _keyset(settings: Settings) -> Check:
    try:
        FieldCipher(settings.encryption_keyset)
    except KeysetError as error:
        return Check("Encryption keyset", State.FAIL, str(error))
    count = len(json.loads(settings.encryption_keyset)["key"])
    return Check("Encryption keyset", State.OK, f"{count} key(s), AES-256-GCM")


def _people(settings: Settings) -> Check:
    count = len(settings.jwt_jwks.get("keys", []))
    detail = f"tokens of {settings.jwt_issuer}, {count} public key(s)"
    return Check("Identity provider", State.OK if count else State.FAIL, detail)


def _origins(settings: Settings) -> Check:
    if settings.trusted_origins:
        return Check("Trusted origins", State.OK, " ".join(settings.trusted_origins))
    return Check("Trusted origins", State.WARN, "none: no browser page may call this API")


def _renderer() -> Check:
    renderer = choose_renderer()
    if renderer is None:
        detail = "neither wkhtmltopdf nor WeasyPrint (it needs Pango) works here: invoices wait"
        return Check("PDF renderer", State.WARN, detail)
    return Check("PDF renderer", State.OK, renderer.name)


def _fonts() -> Check:
    lacking = missing_scripts()
    if lacking:
        detail = f"no letters of {', '.join(lacking)}: documents that need them wait for a font"
        return Check("Fonts", State.WARN, detail)
    return Check(
        "Fonts", State.OK, "Latin to Arabic to Chinese can be printed; other scripts as fonts allow"
    )


def _setting(connection: Connection, name: str) -> str:
    return str(connection.execute(text("SELECT current_setting(:n)"), {"n": name}).scalar_one())


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).partition("\n")[0]
