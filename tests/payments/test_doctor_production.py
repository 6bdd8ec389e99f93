"""What `strongroom doctor` says to change before real money goes through."""

import dataclasses
import datetime as dt
import secrets
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import psycopg
import pytest
import redis
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from payments.database import API_ROLE, APPLICATION_ROLE, RELAY_ROLE, WORKER_ROLE, connect_engine
from payments.doctor import Check, State, checks, postgres
from payments.doctor.clocks import judge_clock
from payments.doctor.configuration import LEAST_BITS, bits_of, configuration_checks
from payments.doctor.postgres_logs import postgres_logs
from payments.doctor.postgres_transport import postgres_transport
from payments.doctor.redis_server import redis_transport
from payments.settings import Environment, Settings
from tests.databases import Servers
from tests.jobs.environment import make_settings

GOOD = "nB7-rQ2xV9_tLk4ZpW8sYd3GfHj6MaCe"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - it is compared with the clocks of servers


@pytest.fixture
def production(database_url: str, redis_url: str) -> Settings:
    """Settings as in production, of servers on this machine."""
    return dataclasses.replace(
        make_settings(database_url=database_url, redis_url=redis_url),
        environment=Environment.PRODUCTION,
        stripe_secret_key="sk_live_x",
        stripe_api_url="https://api.stripe.com",
        stripe_webhook_secrets=(f"whsec_{GOOD}",),
        api_key_pepper=GOOD,
        staff_hosts=frozenset({"staff.example.com"}),
        trusted_proxies=(ip_network("10.0.0.0/8"),),
    )


@pytest.fixture
def login_url(servers: Servers, database_url: str) -> Iterator[str]:
    """The URL of a login that is only a member of the application's role."""
    name, password = f"doctor_{secrets.token_hex(6)}", secrets.token_urlsafe(24)
    with psycopg.connect(servers.superuser_url, autocommit=True) as superuser:
        superuser.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}").format(
                sql.Identifier(name), sql.Literal(password), sql.Identifier(APPLICATION_ROLE)
            )
        )
        url = make_url(database_url).set(username=name, password=password)
        yield url.render_as_string(hide_password=False)
        superuser.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def report(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in checks(settings, now=now())}


def configured(settings: Settings, **changes: Any) -> dict[str, Check]:
    changed = dataclasses.replace(settings, **changes)
    return {check.name: check for check in configuration_checks(changed)}


def assert_says(check: Check, state: State, change: str) -> None:
    assert check.state is state, check
    assert change in (check.change or ""), check


# ---- settings ------------------------------------------------------------------------------------


def test_good_settings_of_production_are_well(production: Settings) -> None:
    found = configured(production, jwt_jwks={"keys": [{"kty": "EC"}]})
    assert {name for name, check in found.items() if check.state is not State.OK} == set()


@pytest.mark.parametrize("weak", ["pw1-x", "a" * 64, "abcabcabcabcabcabcabcabc", "password123"])
def test_a_weak_secret_fails_and_is_not_shown(production: Settings, weak: str) -> None:
    check = configured(production, api_key_pepper=weak)["Secrets' strength"]
    assert_says(check, State.FAIL, "token_urlsafe")
    assert "API_KEY_PEPPER" in check.detail
    assert weak not in check.detail


def test_weak_passwords_of_servers_fail(production: Settings) -> None:
    check = configured(
        production,
        database_url="postgresql://strongroom:hunter2@db.example.com/strongroom",
        redis_url="rediss://redis.example.com",
    )["Secrets' strength"]
    assert check.state is State.FAIL
    assert "DATABASE_URL" in check.detail
    assert "REDIS_URL" in check.detail
    assert "hunter2" not in check.detail


def test_random_secrets_are_strong_and_sockets_need_none(production: Settings) -> None:
    assert all(bits_of(secrets.token_urlsafe(32)) >= LEAST_BITS for _ in range(200))
    check = configured(production, redis_url="unix:///run/redis.sock")["Secrets' strength"]
    assert check.state is State.OK


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"stripe_secret_key": "sk_test_x"}, "test mode"),
        ({"stripe_api_url": "http://127.0.0.1:9"}, "STRIPE_API_URL"),
        ({"jwt_issuer": "http://localhost:9"}, "JWT_ISSUER"),
        ({"console_sign_in_url": "http://shop.example"}, "CONSOLE_SIGN_IN_URL"),
        ({"invoice_pay_url": "http://shop.example/{order_id}"}, "INVOICE_PAY_URL"),
    ],
)
def test_values_for_tests_are_noticed(
    production: Settings, change: dict[str, Any], told: str
) -> None:
    check = configured(production, **change)["Values for tests"]
    assert_says(check, State.WARN, "production")
    assert told in check.detail


def test_open_doors_are_noticed(production: Settings) -> None:
    found = configured(
        production,
        staff_hosts=frozenset(),
        trusted_proxies=(),
        log_level="DEBUG",
        jwt_max_lifetime_s=86_400,
        jwt_jwks={"keys": [{}]},
        trusted_origins=(),
    )
    assert_says(found["Staff's host"], State.WARN, "STAFF_HOSTS")
    assert_says(found["Proxies"], State.WARN, "TRUSTED_PROXIES")
    assert_says(found["Log"], State.WARN, "LOG_LEVEL=INFO")
    assert_says(found["Identity provider"], State.WARN, "JWT_MAX_LIFETIME_S")
    assert_says(found["Trusted origins"], State.WARN, "TRUSTED_ORIGINS")


@pytest.mark.parametrize(
    ("apart_s", "state"),
    [(0, State.OK), (4, State.OK), (30, State.WARN), (-30, State.WARN), (400, State.FAIL)],
)
def test_clocks_that_differ_are_noticed(apart_s: int, state: State) -> None:
    assert judge_clock("Clock", dt.timedelta(seconds=apart_s)).state is state


# ---- PostgreSQL ----------------------------------------------------------------------------------


def test_a_login_of_its_own_is_well_and_the_owner_fails(
    production: Settings, login_url: str
) -> None:
    owner = report(production)
    assert_says(owner["PostgreSQL role"], State.FAIL, "IN ROLE strongroom_app")
    assert "owns the tables and may make roles" in owner["PostgreSQL role"].detail
    own = report(dataclasses.replace(production, database_url=login_url))
    assert own["PostgreSQL role"].state is State.OK
    for name in ("Process roles", "Migrations", "PostgreSQL TLS", "PostgreSQL log", "Ledger"):
        assert own[name].state is State.OK, own[name]
    assert own["Clock beside PostgreSQL's"].state is State.OK
    assert own["Process logins"].state is State.OK
    assert_says(own["PostgreSQL archive"], State.WARN, "archive_mode = on")
    assert_says(own["PostgreSQL durability"], State.FAIL, "fsync")
    assert own["Secrets' age"].state is State.OK


def test_a_superuser_fails_in_production(production: Settings, servers: Servers) -> None:
    url = servers.superuser_url_of(make_url(production.database_url).database or "")
    found = report(dataclasses.replace(production, database_url=url))
    assert_says(found["PostgreSQL role"], State.FAIL, "LOGIN IN ROLE")


def test_a_login_that_web_and_workers_share_is_noticed(
    production: Settings, login_url: str
) -> None:
    engines = [connect_engine(login_url, role=role) for role in (API_ROLE, WORKER_ROLE)]
    connections = [engine.connect() for engine in engines]
    found = report(dataclasses.replace(production, database_url=login_url))
    for connection, engine in zip(connections, engines, strict=True):
        connection.close()
        engine.dispose()
    assert_says(found["Process logins"], State.WARN, "a login of its own")
    assert f"{API_ROLE} and {WORKER_ROLE}" in found["Process logins"].detail


def test_a_role_that_may_change_the_ledger_fails(
    production: Settings, servers: Servers, fresh_database_url: str
) -> None:
    name = make_url(fresh_database_url).database or ""
    with psycopg.connect(servers.superuser_url_of(name)) as superuser:
        superuser.execute(f"GRANT UPDATE ON ledger.postings TO {RELAY_ROLE}")
    found = report(dataclasses.replace(production, database_url=fresh_database_url))
    assert_says(found["Process roles"], State.FAIL, "REVOKE")
    assert RELAY_ROLE in found["Process roles"].detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log_statement", "all"),
        ("log_parameter_max_length", "-1"),
        ("log_parameter_max_length_on_error", "-1"),
        ("log_error_verbosity", "default"),
    ],
)
def test_a_log_that_holds_what_people_entered_is_noticed(
    servers: Servers, name: str, value: str
) -> None:
    engine = create_engine(servers.superuser_url, connect_args={"options": f"-c {name}={value}"})
    with engine.connect() as connection:
        check = postgres_logs(connection)
    engine.dispose()
    assert_says(check, State.WARN, f"set {name} = ")


@pytest.mark.parametrize("mode", [None, "disable", "prefer", "require", "verify-ca"])
def test_a_database_across_the_network_needs_its_certificate_checked(
    servers: Servers, mode: str | None
) -> None:
    query = "" if mode is None else f"?sslmode={mode}"
    engine = create_engine(servers.superuser_url)
    with engine.connect() as connection:
        check = postgres_transport(connection, f"postgresql://a@db.example.com/b{query}")
        local = postgres_transport(connection, f"postgresql://a@127.0.0.1/b{query}")
        full = postgres_transport(connection, "postgresql://a@10.0.0.1/b?sslmode=verify-full")
    engine.dispose()
    assert_says(check, State.FAIL, "sslmode=verify-full")
    assert (local.state, full.state) == (State.OK, State.OK)


def test_a_version_without_corrections_is_noticed(
    production: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LAST_DAY", dict.fromkeys(range(30), dt.date(2020, 1, 1)))
    assert_says(report(production)["PostgreSQL"], State.WARN, "gets corrections")
    monkeypatch.setattr(postgres, "OLDEST_POSTGRES", 99)
    assert_says(report(production)["PostgreSQL"], State.FAIL, "99 or newer")


def test_an_old_secret_is_noticed(
    production: Settings, servers: Servers, fresh_database_url: str
) -> None:
    name = make_url(fresh_database_url).database or ""
    with psycopg.connect(servers.superuser_url_of(name)) as superuser:
        superuser.execute(
            "INSERT INTO strongroom.secret_versions (id, kind, origin, fingerprint, starts_at,"
            " created_by, created_at) SELECT 'sec_' || n, 'session_key', 'environment',"
            " sha256(n::text::bytea), now() - n * interval '1 day', 'x', now() - n * interval"
            " '1 day' FROM unnest(ARRAY[80, 400]) AS n"
        )
    found = report(dataclasses.replace(production, database_url=fresh_database_url))
    assert_says(found["Secrets' age"], State.WARN, "strongroom secrets rotate")
    assert "overdue: session_key since" in found["Secrets' age"].detail
    assert "due soon: session_key on" in found["Secrets' age"].detail


# ---- Redis ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "change"),
    [
        ("redis://redis.example.com", "rediss://"),
        ("rediss://redis.example.com?ssl_cert_reqs=none", "ssl_cert_reqs"),
        ("rediss://redis.example.com?ssl_check_hostname=false", "ssl_check_hostname"),
    ],
)
def test_redis_across_the_network_needs_its_certificate_checked(url: str, change: str) -> None:
    assert_says(redis_transport(url), State.FAIL, change)


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1", "redis://[::1]:1", "unix:///run/x", "rediss://redis.example.com"]
)
def test_redis_here_or_with_tls_is_well(url: str) -> None:
    assert redis_transport(url).state is State.OK


def test_redis_that_loses_jobs_is_noticed(
    production: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {
        "redis_version": "6.2.1",
        "aof_enabled": 0,
        "maxmemory_policy": "allkeys-lru",
    }
    monkeypatch.setattr(redis.Redis, "info", lambda _self: facts)
    found = report(production)
    assert_says(found["Redis"], State.FAIL, "7 or newer")
    assert_says(found["Redis persistence"], State.WARN, "appendonly yes")
    assert_says(found["Redis eviction"], State.FAIL, "maxmemory-policy noeviction")
    facts |= {"redis_version": "7.2.1", "aof_enabled": 1, "aof_last_write_status": "err"}
    facts |= {"role": "slave"}
    found = report(production)
    assert_says(found["Redis"], State.FAIL, "written to")
    assert_says(found["Redis persistence"], State.FAIL, "disk")


def test_redis_with_a_user_of_ones_own_is_well(production: Settings) -> None:
    assert_says(report(production)["Redis user"], State.WARN, "REDIS_URL")
    user = f"user_{secrets.token_hex(4)}"
    password = secrets.token_urlsafe(24)
    with redis.Redis.from_url(production.redis_url) as admin:
        admin.execute_command(
            "ACL", "SETUSER", user, "on", f">{password}", "~*", "&*", "+@all", "-@admin", "+info"
        )
        scheme, _, rest = production.redis_url.partition("://")
        url = f"{scheme}://{user}:{password}@{rest.partition('@')[2]}"
        found = report(dataclasses.replace(production, redis_url=url))
        admin.execute_command("ACL", "DELUSER", user)
    assert found["Redis user"].state is State.OK
