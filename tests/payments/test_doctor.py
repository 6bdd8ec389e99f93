"""What `strongroom doctor` must notice before money does."""

import dataclasses
import datetime as dt
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import Engine

from payments.bank_settings import GoCardlessSettings
from payments.database import transaction
from payments.doctor import State, checks, printing
from payments.lifecycle.tables import Payment
from payments.privacy.encryption import new_keyset_json, rotated_keyset_json
from payments.settings import Environment, Settings, read_settings
from tests.databases import Servers
from tests.payments.bank_shop import bank_payment
from tests.payments.shop import open_shop
from tests.payments.simulated_bank import Bank, bank, letterbox, running_bank

__all__ = ["bank", "letterbox", "running_bank"]  # fixtures


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
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - it is compared with the clocks of servers
    return {check.name: (check.state, check.detail) for check in checks(settings, now=now)}


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
    assert detail.startswith("at 0000, newest is 00")


def test_an_unusable_keyset_fails(settings: Settings) -> None:
    unusable = dataclasses.replace(settings, encryption_keyset="{}")
    assert report(unusable)["Encryption keyset"][0] is State.FAIL


# ---- documents ---------------------------------------------------------------------------------


def test_names_what_renders_documents(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = SimpleNamespace(name="wkhtmltopdf 0.12.6")
    monkeypatch.setattr(printing, "choose_renderer", lambda: renderer)
    assert report(settings)["PDF renderer"] == (State.OK, "wkhtmltopdf 0.12.6")
    monkeypatch.setattr(printing, "choose_renderer", lambda: None)
    state, detail = report(settings)["PDF renderer"]
    assert state is State.WARN
    assert detail.endswith("invoices wait")


def test_names_the_scripts_that_no_font_can_print(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "missing_scripts", lambda: ["Korean", "Chinese"])
    state, detail = report(settings)["Fonts"]
    assert state is State.WARN
    assert detail.startswith("no letters of Korean, Chinese")
    monkeypatch.setattr(printing, "missing_scripts", list)
    assert report(settings)["Fonts"][0] is State.OK


# ---- bank providers ----------------------------------------------------------------------------


def test_no_bank_provider_is_nothing_to_warn_about(settings: Settings) -> None:
    found = report(settings)
    assert found["Bank accounts"] == (State.OK, "none, and no payments by bank")
    assert "TrueLayer" not in found


def test_bank_providers_are_named_with_what_they_take(settings: Settings, bank: Bank) -> None:
    found = report(with_bank(settings, bank))
    host = bank.url.removeprefix("http://")
    assert found["TrueLayer"] == (State.OK, f"{host}, for EUR GBP USD")
    assert found["TrueLayer webhooks"] == (State.OK, f"1 signing key(s) at {host}")
    assert found["Bank accounts"] == (State.OK, "main (EUR), usd (USD), gbp (GBP)")


def test_a_bank_provider_that_does_not_answer_fails(settings: Settings, bank: Bank) -> None:
    nowhere = "http://127.0.0.1:9"
    truelayer = dataclasses.replace(bank.settings, api_url=nowhere, jwks_url=f"{nowhere}/keys")
    gocardless = GoCardlessSettings(
        access_token="secret-word", webhook_secrets=("secret-word",), api_url=nowhere
    )
    found = report(dataclasses.replace(settings, truelayer=truelayer, gocardless=gocardless))
    for name in ("TrueLayer", "GoCardless"):
        assert found[name][0] is State.FAIL
        assert found[name][1].startswith("127.0.0.1:9 does not answer")
    assert found["TrueLayer webhooks"][0] is State.FAIL
    assert found["GoCardless webhooks"] == (State.OK, "1 signing secret(s) accepted")
    assert found["Bank accounts"][0] is State.WARN
    assert not any("secret-word" in detail for _, detail in found.values())


def test_what_is_no_set_of_keys_fails(settings: Settings, bank: Bank) -> None:
    truelayer = dataclasses.replace(bank.settings, jwks_url=f"{bank.url}/healthz")
    found = report(dataclasses.replace(settings, truelayer=truelayer))
    assert found["TrueLayer webhooks"][0] is State.FAIL


def test_without_a_merchant_account_nothing_can_be_paid(settings: Settings, bank: Bank) -> None:
    truelayer = dataclasses.replace(bank.settings, merchant_accounts={})
    found = report(dataclasses.replace(settings, truelayer=truelayer))
    assert found["TrueLayer"][0] is State.FAIL


def test_a_bank_server_for_tests_is_warned_about_in_production(
    settings: Settings, bank: Bank
) -> None:
    production = dataclasses.replace(with_bank(settings, bank), environment=Environment.PRODUCTION)
    assert report(production)["TrueLayer"][0] is State.WARN


def test_open_payments_of_a_provider_that_is_not_set_up_fail(
    settings: Settings, bank: Bank, fresh_database_url: str, fresh_engine: Engine
) -> None:
    alone = dataclasses.replace(settings, database_url=fresh_database_url)
    payment = bank_payment(open_shop(fresh_engine))
    assert report(alone)["Bank payments"] == (State.OK, "0 open")
    with transaction(fresh_engine) as session:
        session.get_one(Payment, payment.id).poll_at = payment.expires_at
    assert report(alone)["Bank payments"] == (
        State.FAIL,
        "1 with truelayer, which is not set up: nobody follows them",
    )
    assert report(with_bank(alone, bank))["Bank payments"] == (State.OK, "1 open")


def with_bank(settings: Settings, bank: Bank) -> Settings:
    return dataclasses.replace(settings, truelayer=bank.settings, bank_accounts=bank.bank_accounts)
