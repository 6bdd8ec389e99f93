"""Configuration: read once, all faults told at once, nothing of the sandbox outside it."""

import json
from pathlib import Path

import pytest

from payments.settings import SettingsError, read_migration_url, read_settings

JWKS = '{"keys": []}'
GOOD = {
    "DATABASE_URL": "postgresql://app:Wq7-db@db/strongroom",
    "REDIS_URL": "rediss://:Wq7-redis@redis:6379/0",
    "STRIPE_SECRET_KEY": "sk_live_abc",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_abc",
    "STRIPE_WEBHOOK_SECRETS": "whsec_new, whsec_old",
    "TRUSTED_ORIGINS": "https://shop.example.com,https://admin.example.com:8443",
    "JWT_JWKS": JWKS,
    "JWT_ISSUER": "https://id.example.com",
    "ENCRYPTION_KEYSET": '{"primaryKeyId": 1, "key": []}',
    "API_KEY_PEPPER": "pepper",
}


def faults(**changes: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings(GOOD | changes)
    return str(caught.value)


def test_a_full_configuration_is_read() -> None:
    settings = read_settings(GOOD)

    assert not settings.is_sandbox
    assert settings.livemode
    assert settings.stripe_webhook_secrets == ("whsec_new", "whsec_old")
    assert settings.trusted_origins == (
        "https://shop.example.com",
        "https://admin.example.com:8443",
    )
    assert settings.stripe_api_url == "https://api.stripe.com"
    assert settings.jwt_max_lifetime_s == 900
    assert settings.webhook_retry_window_h == {"stripe": 72}


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({})

    required = GOOD.keys() - {"TRUSTED_ORIGINS"}
    assert [name for name in required if name not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("STRONGROOM_ENV", "staging", "use 'sandbox' or 'production'"),
        ("DATABASE_URL", "mysql://db/x", "begins with postgresql://"),
        ("REDIS_URL", "http://redis", "begins with redis://"),
        ("TRUSTED_ORIGINS", "https://shop.example.com/path", "an origin reads"),
        ("TRUSTED_ORIGINS", "*", "an origin reads"),
        ("TRUSTED_ORIGINS", "http://shop.example.com", "use https"),
        ("JWT_MAX_LIFETIME_S", "1.5", "whole number above zero"),
        ("JWT_MAX_LIFETIME_S", "0", "whole number above zero"),
        ("STRIPE_WEBHOOK_RETRY_WINDOW_H", "721", "whole number from 1 to 720"),
        ("JWT_JWKS", "{1}", "JSON object or the path"),
        ("JWT_JWKS", "[1]", "cannot be read"),
        ("ENCRYPTION_KEYSET", "/no/such/file", "cannot be read"),
        ("STRIPE_WEBHOOK_SECRETS", "a,b,c,d", "at most 3"),
        ("CRASH_AT", "/run/crash-at", "unset it"),
    ],
)
def test_an_unusable_value_is_named_with_its_remedy(name: str, value: str, told: str) -> None:
    text = faults(**{name: value})

    assert name in text
    assert told in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_SECRET_KEY", "sk_test_sandbox_1"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_test_sandbox_1"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_real,whsec_sandbox_1"),
        ("API_KEY_PEPPER", "sandbox_pepper"),
        ("JWT_ISSUER", "https://identity.sandbox.example"),
        ("DATABASE_URL", "postgresql://app:sandbox_x@db/strongroom"),
        ("REDIS_URL", "redis://:sandbox_x@redis"),
    ],
)
def test_no_secret_of_the_sandbox_is_accepted_outside_it(name: str, value: str) -> None:
    assert f"{name} holds a" in faults(**{name: value})
    assert read_settings(GOOD | {name: value, "STRONGROOM_ENV": "sandbox"}).is_sandbox


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    shown = repr(read_settings(GOOD))

    assert "https://id.example.com" in shown
    for secret in ("Wq7", "sk_live", "whsec", "pepper", "primaryKeyId"):
        assert secret not in shown.replace("stripe_secret_key", "").replace("webhook_secrets", "")


def test_long_values_may_stand_in_files(tmp_path: Path) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps({"keys": [{"kid": "1"}]}))

    settings = read_settings(GOOD | {"JWT_JWKS": str(keys)})

    assert settings.jwt_jwks == {"keys": [{"kid": "1"}]}


def test_migrations_need_their_address_only() -> None:
    assert read_migration_url({"DATABASE_URL": "postgresql://db/x"}) == "postgresql://db/x"
    both = {
        "DATABASE_URL": "postgresql://db/x",
        "MIGRATION_DATABASE_URL": "postgresql://owner@db/x",
    }
    assert read_migration_url(both) == "postgresql://owner@db/x"
    with pytest.raises(SettingsError, match="MIGRATION_DATABASE_URL is missing"):
        read_migration_url({})


def in_file(tmp_path: Path, name: str, content: bytes) -> dict[str, str]:
    (tmp_path / name).write_bytes(content)
    return {f"{name}_FILE": str(tmp_path / name)}


def test_every_variable_may_stand_in_a_file(tmp_path: Path) -> None:
    files: dict[str, str] = {}
    for name, value in GOOD.items():
        files |= in_file(tmp_path, name, f"{value}\n".encode())
    assert read_settings(files) == read_settings(GOOD)


def test_a_file_and_a_value_are_one_too_many(tmp_path: Path) -> None:
    given = in_file(tmp_path, "API_KEY_PEPPER", b"other")
    assert "API_KEY_PEPPER and API_KEY_PEPPER_FILE are both given" in faults(**given)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds nothing"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"x" * 300_000, "over 262144 characters"),
        (b"sandbox pepper", "made for the sandbox"),
    ],
)
def test_a_file_is_judged_as_its_value_would_be(tmp_path: Path, content: bytes, told: str) -> None:
    without = {name: value for name, value in GOOD.items() if name != "API_KEY_PEPPER"}
    with pytest.raises(SettingsError, match=told):
        read_settings(without | in_file(tmp_path, "API_KEY_PEPPER", content))


def test_a_file_that_is_not_there_is_told_without_its_path(tmp_path: Path) -> None:
    without = {name: value for name, value in GOOD.items() if name != "API_KEY_PEPPER"}
    with pytest.raises(SettingsError, match="API_KEY_PEPPER_FILE names a file that cannot be read"):
        read_settings(without | {"API_KEY_PEPPER_FILE": str(tmp_path / "nowhere")})


@pytest.mark.parametrize("value", ["changeme", "Change-Me", "<your key here>", "TODO", "password"])
def test_placeholders_are_refused(value: str) -> None:
    assert "API_KEY_PEPPER holds a placeholder" in faults(API_KEY_PEPPER=value)
    webhooks = f"whsec_real,{value}"
    assert "STRIPE_WEBHOOK_SECRETS holds a placeholder" in faults(STRIPE_WEBHOOK_SECRETS=webhooks)
    url = f"postgresql://app:{value.replace(' ', '')}@db/strongroom"
    assert "The password in DATABASE_URL holds a placeholder" in faults(DATABASE_URL=url)
