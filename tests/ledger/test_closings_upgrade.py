"""Closings of an older version: what was in force before the upgrade is in force after it."""

import datetime as dt
import secrets
from urllib.parse import urlsplit

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import create_engine

import ledger
from payments.database import connect_engine
from sandbox.postgres import OWNER
from tests.architecture.sources import ROOT
from tests.databases import Servers
from tests.ledger.conftest import NOON


def _empty(servers: Servers, name: str) -> str:
    """Return the URL of a database without anything in it, for its owner."""
    with psycopg.connect(servers.superuser_url, autocommit=True) as connection:
        words = sql.SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(words.format(sql.Identifier(name), sql.Identifier(OWNER)))
    return urlsplit(servers.owner_url)._replace(path=f"/{name}").geturl()


def test_the_latest_closing_is_in_force_however_the_rows_lie(servers: Servers) -> None:
    name = f"older_{secrets.token_hex(16)}"
    url = _empty(servers, name)
    configuration = Config(ROOT / "setup.cfg")
    configuration.attributes["database_url"] = url
    command.upgrade(configuration, "0008")
    owner, latest = create_engine(url), NOON + dt.timedelta(days=2)
    with owner.begin() as connection:
        for through in (NOON, latest, NOON - dt.timedelta(days=9)):
            connection.exec_driver_sql("SELECT ledger.close_books(%s)", (through,))
    owner.dispose()

    command.upgrade(configuration, "head")

    engine = connect_engine(url)
    with engine.begin() as connection:
        assert ledger.closed_through(connection) == latest
        assert ledger.reopen_books(connection, latest) == NOON
    engine.dispose()
    servers.drop_database(name)
