"""The way to PostgreSQL: one engine a process, explicit transactions, least rights.

Every connection takes on a role of the database, whoever logged in: web, workers and relay each
have one of their own, with what their work needs, and commands `strongroom_app`. None may change
a posting; what each may do is in tests/security/database_rights.txt.
"""

import datetime as dt
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, TypeVar

import psycopg
from sqlalchemy import (
    Connection,
    DateTime,
    Engine,
    MetaData,
    NullPool,
    Numeric,
    TypeDecorator,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

APPLICATION_ROLE = "strongroom_app"
"""The role of commands, and the group that the roles of web, workers and relay are granted to."""

API_ROLE = "strongroom_api"
WORKER_ROLE = "strongroom_worker"
RELAY_ROLE = "strongroom_relay"
AUDITOR_ROLE = "strongroom_auditor"
"""Of a person: it reads everything that is no secret, and no process works as it."""

SIGNER_ROLE = "strongroom_signer"
"""The role of the process that signs transactions: it reads what it is to sign, and no more."""
POOL_SIZE = 16
_ROLE_OPTION = "strongroom_role"
_CONNECT_ARGS = {
    "connect_timeout": 5,
    "application_name": "strongroom",
    "options": "-c lock_timeout=5s -c statement_timeout=30s"
    " -c idle_in_transaction_session_timeout=60s -c timezone=UTC",
    # An idle connection whose other end has vanished is found out within two minutes.
    "keepalives_idle": 60,
    "keepalives_interval": 15,
    "keepalives_count": 4,
}
_RETRY_SQLSTATES = frozenset({"40001", "40P01"})  # serialization failure, deadlock
_RETRY_ATTEMPTS = 5

_Result = TypeVar("_Result")
_rehearsing: ContextVar[bool] = ContextVar("rehearsing", default=False)


class MinorUnits(TypeDecorator[int]):
    """An amount in minor units: `int` in Python, unbounded NUMERIC in PostgreSQL."""

    impl = Numeric
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: object) -> Decimal | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse anything but an int: a float has already lost cents."""
        if value is None:
            return None
        if type(value) is not int:
            raise TypeError(f"an amount is an int in minor units, not {type(value).__name__}")
        return Decimal(value)

    def process_result_value(self, value: Any | None, dialect: object) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the amount as int."""
        return None if value is None else int(value)


class Base(DeclarativeBase):
    """The base of every table class; the schema itself is made by the migrations."""

    metadata = MetaData(schema="strongroom")
    type_annotation_map = {dt.datetime: DateTime(timezone=True)}  # noqa: RUF012 - SQLAlchemy's hook


def connect_engine(
    database_url: str, *, pool_size: int = POOL_SIZE, role: str = APPLICATION_ROLE
) -> Engine:
    """Return an engine whose every connection works as a role: a command's unless one is named.

    Reads and writes are READ COMMITTED with explicit row locks; a lock is waited for 5 s and a
    statement 30 s at most, so that nothing hangs for ever behind a stuck transaction.
    """
    engine = create_engine(
        database_url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        hide_parameters=True,  # an error's text must not carry what people entered
        connect_args={**_CONNECT_ARGS, "application_name": role},
        execution_options={_ROLE_OPTION: role},
    )
    event.listen(engine, "connect", _taking(role))
    event.listen(engine, "checkout", _refuse_closed)
    return engine


def connect_aside(engine: Engine) -> Engine:
    """Return a way to the same database, with the same role, past the pool of connections.

    Each of its connections closes after use. For what a transaction that holds a connection may
    have to wait for: were it to wait for a second one of the pool, all could wait for ever.
    """
    aside = create_engine(
        engine.url, poolclass=NullPool, hide_parameters=True, connect_args=_CONNECT_ARGS
    )
    role = engine.get_execution_options().get(_ROLE_OPTION)
    if role is not None:
        event.listen(aside, "connect", _taking(role))
    return aside


def _taking(role: str) -> Callable[[Any, object], None]:
    def take(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {role}")
        connection.commit()

    return take


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool connect anew when the server hung up, for example to be restarted.

    The system knows that already: a question to the server would cost each transaction a trip.

    Raises:
        InvalidatePoolError: the pool's connections are not to be used any more.
    """
    try:
        for _ in range(2):  # a last word, then the end
            connection.pgconn.consume_input()
    except psycopg.Error as error:
        raise InvalidatePoolError from error


@contextmanager
def read_snapshot(engine: Engine) -> Iterator[Connection]:
    """Give a connection that only reads, and to which nothing changes until the block ends."""
    with engine.connect().execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    ) as connection:
        yield connection


@contextmanager
def rehearse() -> Iterator[None]:
    """Take back, at its end, every transaction that is opened inside the block.

    So a dry run goes the very way of the real one, and is refused what that would be refused. For
    work whose effects outside the database all come from rows it writes, as jobs and news do.
    """
    token = _rehearsing.set(True)
    try:
        yield
    finally:
        _rehearsing.reset(token)


def is_rehearsal() -> bool:
    """Whether what is done now is taken back again."""
    return _rehearsing.get()


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """Open a transaction: committed when the block ends, rolled back when it raises.

    In a rehearsal it is rolled back at its end, after the checks that a commit would make.
    """
    with Session(engine, expire_on_commit=False) as session, session.begin() as unit:
        yield session
        if is_rehearsal() and unit.is_active:
            session.flush()
            session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            session.expunge_all()  # what is answered keeps the values it would have
            unit.rollback()


def in_transaction(engine: Engine, work: Callable[[Session], _Result]) -> _Result:
    """Run `work` in a transaction, again when PostgreSQL asks for it (deadlock, serialization).

    `work` must have no effect outside the database, since it may run up to five times.
    """
    for attempt in range(1, _RETRY_ATTEMPTS + 1):
        try:
            with transaction(engine) as session:
                return work(session)
        except OperationalError as error:
            sqlstate = getattr(error.orig, "sqlstate", None)
            if sqlstate not in _RETRY_SQLSTATES or attempt == _RETRY_ATTEMPTS:
                raise
            time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable")
