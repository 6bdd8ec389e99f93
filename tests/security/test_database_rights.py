"""What each process may do in the database, tried as each of their roles."""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

import jobs.relay
from jobs.context import connect_context
from payments.database import (
    API_ROLE,
    APPLICATION_ROLE,
    AUDITOR_ROLE,
    RELAY_ROLE,
    SIGNER_ROLE,
    WORKER_ROLE,
    connect_engine,
    transaction,
)
from tests.databases import ROOT, Servers, migrate
from tests.jobs.environment import make_environment, make_settings
from tests.security.rights import FILE, SCHEMAS, read_rights
from web.app import create_app
from web.parts import parts_of

PROCESSES = [API_ROLE, WORKER_ROLE, RELAY_ROLE, SIGNER_ROLE]
ROLES = [APPLICATION_ROLE, *PROCESSES, AUDITOR_ROLE]
DENIED = {"42501", "25006"}  # insufficient privilege; a read-only transaction

LoginOf = Callable[..., Engine]


@pytest.fixture(scope="module")
def login_of(servers: Servers, database_url: str) -> Iterator[LoginOf]:
    """Makes logins that are members of one role alone, as an operator does."""
    with psycopg.connect(servers.superuser_url, autocommit=True) as superuser, ExitStack() as ends:

        def log_in(role: str, *, working_as: str | None = None, url: str = database_url) -> Engine:
            name, password = f"login_{secrets.token_hex(6)}", secrets.token_urlsafe()
            superuser.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}").format(
                    sql.Identifier(name), sql.Literal(password), sql.Identifier(role)
                )
            )
            ends.callback(superuser.execute, sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
            whose = make_url(url).set(username=name, password=password)
            engine = connect_engine(
                whose.render_as_string(hide_password=False), pool_size=1, role=working_as or role
            )
            ends.callback(engine.dispose)
            return engine

        yield log_in


def refusal(engine: Engine, statement: str) -> str:
    """Return the SQLSTATE a statement is refused with, empty when it works."""
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql(statement)
        except DBAPIError as error:
            return getattr(error.orig, "sqlstate", None) or "unknown"
        finally:
            connection.rollback()
    return ""


def allowed(engine: Engine, statements: list[str]) -> list[str]:
    return [each for each in statements if refusal(engine, each) not in DENIED]


# ---- the table of rights -------------------------------------------------------------------------


def test_the_rights_are_those_written_down(owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        found = read_rights(connection)
    assert found == FILE.read_text(encoding="utf-8"), "python -m tests.security.rights shows more"


def test_every_table_has_a_decision(owner_engine: Engine) -> None:
    decided = re.findall(
        r"^ {4}\('(\w+)', '",
        (ROOT / "migrations/sql/0010_security/9_roles.sql").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    since = "".join(
        file.read_text(encoding="utf-8")
        for file in (ROOT / "migrations/sql/0011_operations").glob("*.sql")
    )
    grants = " ".join(re.findall(r"^GRANT [^;]*;", since, re.MULTILINE))
    made = re.findall(r"CREATE TABLE strongroom\.(\w+)", since)
    decided += [table for table in made if re.search(rf"strongroom\.{table}\b", grants)]
    with owner_engine.connect() as connection:
        tables = connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'strongroom'")
        )
        assert sorted(decided) == sorted(tables)


def test_row_56_everybody_else_has_nothing(owner_engine: Engine) -> None:
    to_everybody = """
        SELECT c.oid::regclass::text FROM pg_class c, aclexplode(c.relacl) a
         WHERE c.relnamespace::regnamespace::text = ANY (:schemas) AND a.grantee = 0
         UNION ALL
        SELECT p.oid::regprocedure::text
          FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         WHERE p.pronamespace::regnamespace::text = ANY (:schemas) AND a.grantee = 0
         UNION ALL
        SELECT n.nspname FROM pg_namespace n, aclexplode(n.nspacl) a
         WHERE n.nspname = ANY (:schemas) AND a.grantee = 0
         UNION ALL
        SELECT a.privilege_type FROM pg_database d, aclexplode(d.datacl) a
         WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type <> 'CONNECT'
    """
    with owner_engine.connect() as connection:
        assert connection.scalars(text(to_everybody), {"schemas": SCHEMAS}).all() == []


def test_row_24_no_process_works_as_owner_superuser_or_another_role(owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        powers = connection.execute(
            text(
                "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb"
                " OR rolreplication OR rolcanlogin AS power FROM pg_roles WHERE rolname = ANY (:r)"
            ),
            {"r": ROLES},
        ).all()
        assert sorted((row.rolname, row.power) for row in powers) == [
            (role, False) for role in sorted(ROLES)
        ]
        owned = "SELECT count(*) FROM pg_class WHERE relowner::regrole::text = ANY (:roles)"
        assert connection.scalar(text(owned), {"roles": ROLES}) == 0
        member_of = connection.execute(
            text(
                "SELECT member::regrole::text AS member, roleid::regrole::text AS role"
                "  FROM pg_auth_members WHERE member::regrole::text = ANY (:roles)"
            ),
            {"roles": ROLES},
        ).all()
    assert sorted((row.member, row.role) for row in member_of) == [
        (APPLICATION_ROLE, role) for role in sorted([API_ROLE, WORKER_ROLE, RELAY_ROLE])
    ]


def test_row_24_a_process_sees_and_writes_no_table_of_anothers_work(login_of: LoginOf) -> None:
    nobodys = "SELECT 1 FROM strongroom.{}"
    assert not allowed(
        login_of(RELAY_ROLE),
        [
            *(nobodys.format(table) for table in ("payments", "parties", "api_keys", "sessions")),
            "SELECT 1 FROM ledger.postings",
            "SELECT ledger.place_hold('x', 1, 1, NULL)",
        ],
    )
    assert not allowed(
        login_of(WORKER_ROLE),
        [
            "UPDATE strongroom.api_keys SET role = 'admin'",
            "INSERT INTO strongroom.sessions DEFAULT VALUES",
            "INSERT INTO strongroom.parties DEFAULT VALUES",
            "UPDATE strongroom.parties SET kyc_level = 'full'",
            "UPDATE strongroom.secret_versions SET revoked_at = NULL",
            "UPDATE strongroom.freezes SET lifted_at = now()",
            "UPDATE strongroom.payout_destinations SET status = 'approved'",
            "SELECT ledger.close_books(now())",
        ],
    )
    assert not allowed(
        login_of(API_ROLE),
        [
            "UPDATE strongroom.chain_attempts SET raw_encrypted = NULL",
            "INSERT INTO strongroom.invoices DEFAULT VALUES",
            "UPDATE strongroom.payouts SET status = 'paid'",
            "DELETE FROM strongroom.outbox",
            "UPDATE strongroom.data_keys SET wrapped = NULL, retired_at = now()",
            "UPDATE strongroom.api_keys SET role = 'admin'",
            "UPDATE strongroom.api_keys SET owner = 'party:pty_x'",
            "UPDATE strongroom.sessions SET role = 'admin'",
            "DELETE FROM strongroom.sessions",
            "SELECT ledger.roll_totals(1)",
        ],
    )
    assert not allowed(
        login_of(AUDITOR_ROLE),
        [
            *(
                nobodys.format(table).replace("1", column)
                for table, column in (
                    ("api_keys", "secret_hash"),
                    ("parties", "name_encrypted"),
                    ("sessions", "id_hash"),
                    ("webhook_inbox", "payload_encrypted"),
                    ("data_keys", "wrapped"),
                    ("chain_attempts", "raw_encrypted"),
                )
            ),
            "SELECT * FROM strongroom.parties",
            "UPDATE strongroom.parties SET kyc_level = 'full'",
            "INSERT INTO strongroom.outbox (job) VALUES ('x')",
        ],
    )


# ---- as each role --------------------------------------------------------------------------------

_LEDGER = [
    "accounts", "assets", "balances", "closed_periods", "daily_totals", "daily_totals_cursor",
    "entries", "holds", "postings", "reversals", "roll_ranges", "roll_sums", "seals", "watermark",
]  # fmt: skip
_CHANGES = {
    "postings": "amount = 1",
    "entries": "kind = 'x'",
    "balances": "posted = 0",
    "holds": "amount = 1",
    "seals": "number = 1",
    "closed_periods": "closed_through = now()",
}
LEDGER_WRITES = [
    *(
        f"{verb} ledger.{table}{rest}"
        for table in _LEDGER
        for verb, rest in (
            ("INSERT INTO", " DEFAULT VALUES"),
            ("DELETE FROM", ""),
            ("TRUNCATE", " CASCADE"),
            ("ALTER TABLE", " DISABLE TRIGGER ALL"),
            ("DROP TABLE", " CASCADE"),
            ("LOCK TABLE", " IN ACCESS EXCLUSIVE MODE"),
        )
    ),
    *(f"UPDATE ledger.{table} SET {change}" for table, change in _CHANGES.items()),
    "DROP TRIGGER append_only ON ledger.postings",
    "CREATE OR REPLACE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
    "ALTER FUNCTION ledger.refuse() OWNER TO CURRENT_USER",
    "SELECT setval('ledger.entry_ids', 1)",
    "SELECT nextval('ledger.entry_ids')",
    "SET session_replication_role = replica",
]
HISTORY_WRITES = [
    "UPDATE strongroom.payment_events SET cause = 'x'",
    "DELETE FROM strongroom.payment_events",
    "TRUNCATE strongroom.payments CASCADE",
    "DELETE FROM strongroom.invoices",
    "UPDATE strongroom.invoices SET order_id = 'x'",
    "ALTER TABLE strongroom.payments DISABLE TRIGGER payments_edges",
    "ALTER TABLE strongroom.manual_entries DROP CONSTRAINT manual_entries_check",
]
ESCAPES = [
    "CREATE TABLE strongroom.mine (x int)",
    "CREATE TABLE ledger.mine (x int)",
    "CREATE TABLE public.mine (x int)",
    "CREATE TEMPORARY TABLE postings (x int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DROP EXTENSION plpgsql CASCADE",
    "CREATE ROLE mine SUPERUSER",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER DATABASE postgres SET log_statement = 'all'",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "COPY (SELECT 1) TO '/tmp/mine'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT pg_reload_conf()",
    "SELECT pg_switch_wal()",
    "SET log_statement = 'all'",
    "SET ROLE postgres",
    "SET ROLE strongroom",
    "SET ROLE pg_read_server_files",
    "SET SESSION AUTHORIZATION postgres",
]


@pytest.mark.parametrize("role", ROLES)
def test_row_56_no_role_changes_the_ledger_or_switches_its_guards_off(
    login_of: LoginOf, role: str
) -> None:
    assert not allowed(login_of(role), LEDGER_WRITES + HISTORY_WRITES)


@pytest.mark.parametrize("role", ROLES)
def test_row_56_no_role_gets_out_of_its_rights(login_of: LoginOf, role: str) -> None:
    engine = login_of(role)
    others = set(ROLES) - {role}
    if role == APPLICATION_ROLE:  # commands do what any process may do
        others -= {API_ROLE, WORKER_ROLE, RELAY_ROLE}
    assert not allowed(engine, [*ESCAPES, *(f"SET ROLE {other}" for other in sorted(others))])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        with pytest.raises(DBAPIError, match="permission denied"):
            connection.exec_driver_sql("ALTER SYSTEM SET fsync = off")
        assert connection.scalar(text("SELECT current_user")) == role


def test_functions_with_their_owners_rights_look_names_up_in_their_own_schemas(
    owner_engine: Engine,
) -> None:
    definers = text("""
        SELECT p.oid::regprocedure::text AS name,
               (SELECT option_value FROM pg_options_to_table(p.proconfig)
                 WHERE option_name = 'search_path') AS path
          FROM pg_proc p WHERE p.prosecdef AND p.pronamespace::regnamespace::text = ANY (:schemas)
    """)
    with owner_engine.connect() as connection:
        paths = {row.name: row.path for row in connection.execute(definers, {"schemas": SCHEMAS})}
    assert len(paths) > 15
    # Temporary tables come last, so that nobody's own stands before the ledger's.
    assert {name for name, path in paths.items() if not str(path).endswith(", pg_temp")} == set()
    assert {str(path).split(", ")[0] for path in paths.values()} <= {
        "ledger",
        "pg_catalog",
        "strongroom",
    }


def test_a_search_path_of_ones_own_leads_no_function_astray(
    servers: Servers, login_of: LoginOf, database_url: str
) -> None:
    """Even where somebody may make tables: the ledger's functions do not see them."""
    name = make_url(database_url).database or ""
    engine = login_of(WORKER_ROLE)
    login = engine.url.username or ""
    with psycopg.connect(servers.superuser_url_of(name), autocommit=True) as superuser:
        superuser.execute(
            sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(
                sql.Identifier(name), sql.Identifier(login)
            )
        )
        try:
            with engine.connect() as connection, connection.begin() as attempt:
                run = connection.exec_driver_sql
                run("RESET ROLE")
                run("CREATE TEMPORARY TABLE assets (id int, code text, exponent int)")
                run("CREATE TEMPORARY TABLE watermark (settled_to bigint)")
                run(f"GRANT SELECT ON assets, watermark TO {WORKER_ROLE}")
                run(f"SET ROLE {WORKER_ROLE}")
                run("SET LOCAL search_path = pg_temp, public")
                run("SELECT ledger.define_asset('XTS', 2::smallint)")
                assert run("SELECT count(*) FROM pg_temp.assets").scalar() == 0
                assert run("SELECT count(*) FROM ledger.assets WHERE code = 'XTS'").scalar() == 1
                attempt.rollback()
        finally:
            superuser.execute(
                sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM {}").format(
                    sql.Identifier(name), sql.Identifier(login)
                )
            )


# ---- who works as which --------------------------------------------------------------------------


def test_each_process_works_as_its_role(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(database_url=database_url, redis_url=redis_url)
    parts = parts_of(create_app(settings))
    context = connect_context(settings)
    for engine, role in ((parts.engine, API_ROLE), (context.engine, WORKER_ROLE)):
        with transaction(engine) as session:
            assert session.scalar(text("SELECT current_user")) == role
        engine.dispose()

    class AskedError(Exception):
        pass

    def connect(_url: str, *, pool_size: int, role: str) -> None:
        raise AskedError(role, pool_size)

    for name, value in make_environment(database_url=database_url, redis_url=redis_url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(jobs.relay, "connect_engine", connect)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(AskedError, match=RELAY_ROLE):
        jobs.relay.main()


def test_a_login_of_before_goes_on_after_the_upgrade(servers: Servers, login_of: LoginOf) -> None:
    """A login in `strongroom_app`, as docs told to make, takes on each process's role."""
    name = f"upgraded_{secrets.token_hex(6)}"
    with psycopg.connect(servers.superuser_url, autocommit=True) as superuser:
        superuser.execute(
            sql.SQL("CREATE DATABASE {} OWNER strongroom").format(sql.Identifier(name))
        )
    url = make_url(servers.owner_url).set(database=name).render_as_string(hide_password=False)
    try:
        configuration = Config(Path(ROOT) / "setup.cfg")
        configuration.attributes["database_url"] = url
        command.upgrade(configuration, "0009")
        before = login_of(APPLICATION_ROLE, url=url)
        assert refusal(before, "SELECT 1 FROM strongroom.payments FOR UPDATE") == ""
        migrate(url)
        assert refusal(before, "SELECT 1 FROM strongroom.payments FOR UPDATE") == ""
        assert refusal(before, "DELETE FROM ledger.postings") in DENIED
        for role in (API_ROLE, WORKER_ROLE, RELAY_ROLE):
            engine = login_of(APPLICATION_ROLE, working_as=role, url=url)
            assert refusal(engine, "SELECT 1 FROM strongroom.outbox FOR UPDATE") == ""
            engine.dispose()
        before.dispose()
        owner = create_engine(url)
        with owner.connect() as connection:
            assert read_rights(connection) == FILE.read_text(encoding="utf-8")
        owner.dispose()
    finally:
        servers.drop_database(name)
