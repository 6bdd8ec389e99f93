"""What `strongroom doctor` must notice before money does."""

import dataclasses

import psycopg
import pytest

from payments.doctor import State, checks
from payments.privacy.encryption import new_keyset_json, rotated_keyset_json
from payments.settings import Settings, read_settings
from tests.databases import Servers


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return read_settings(
        {
            "STRONGROOM_ENV": "sandbox",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "STRIPE_SECRET_KEY": "sk_test_sandbox_1",
            "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox_1",
            "STRIPE_WEBHOOK_SECRETS": "whsec_sandbox_1,whsec_sandbox_2",
            "STRIPE_API_URL": "http://127.0.0.1:9",
            "TRUSTED_ORIGINS": "http://127.0.0.1:8001",
            "JWT_JWKS": '{"keys": [{"kty": "EC"}]}',
            "JWT_ISSUER": "https://identity.sandbox.example",
            "ENCRYPTION_KEYSET": rotated_keyset_json(new_keyset_json()),
            "API_KEY_PEPPER": "sandbox_pepper",
        }
    )


def report(settings: Settings) -> dict[str, tuple[State, str]]:
    return {check.name: (check.state, check.detail) for check in checks(settings)}


def test_names_what_runs_on_what(settings: Settings) -> None:
    found = report(settings)
    state, detail = found["PostgreSQL"]
    assert (state, detail[:3]) == (State.OK, "18.")
    assert found["PostgreSQL role"] == (State.OK, "strongroom, working as strongroom_app")
    assert found["Migrations"][0] is State.OK
    assert found["Ledger"] == (State.OK, "every invariant holds")
    assert found["Valkey"][0] is State.OK
    assert found["Redis persistence"] == (State.OK, "append-only file")
    assert found["Redis eviction"] == (State.OK, "noeviction")
    assert found["Stripe webhooks"] == (State.OK, "2 signing secret(s) accepted")
    assert found["Encryption keyset"] == (State.OK, "2 key(s), AES-256-GCM")
    assert found["Trusted origins"] == (State.OK, "http://127.0.0.1:8001")


def test_a_database_that_may_lose_commits_fails(settings: Settings) -> None:
    # The suite's own server is one, for speed.
    state, detail = report(settings)["PostgreSQL durability"]
    assert state is State.FAIL
    assert detail.startswith("fsync, synchronous_commit, full_page_writes off")


def test_what_does_not_answer_fails_and_shows_no_password(settings: Settings) -> None:
    broken = dataclasses.replace(
        settings,
        database_url="postgresql://strongroom:secret-word@127.0.0.1:9/strongroom",
        redis_url="redis://:secret-word@127.0.0.1:9/0",
    )
    found = report(broken)
    for name in ("PostgreSQL", "Redis", "Stripe"):
        state, detail = found[name]
        assert state is State.FAIL
        assert detail.startswith("127.0.0.1:9 does not answer")
        assert "secret-word" not in detail


def test_a_superuser_is_warned_about(settings: Settings, servers: Servers) -> None:
    superuser = dataclasses.replace(settings, database_url=servers.superuser_url)
    assert report(superuser)["PostgreSQL role"][0] is State.WARN


def test_an_unmigrated_database_fails(settings: Settings, fresh_database_url: str) -> None:
    with psycopg.connect(fresh_database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    behind = dataclasses.replace(settings, database_url=fresh_database_url)
    state, detail = report(behind)["Migrations"]
    assert state is State.FAIL
    assert detail.startswith("at 0000, newest is 000")


def test_an_unusable_keyset_fails(settings: Settings) -> None:
    unusable = dataclasses.replace(settings, encryption_keyset="{}")
    assert report(unusable)["Encryption keyset"][0] is State.FAIL
