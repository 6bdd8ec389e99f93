"""Which settings the sandbox makes up, and what has to be given together."""

from pathlib import Path

import pytest

from payments.settings import read_settings
from sandbox.environment import EnvironmentFaultError, Plan, given_settings
from sandbox.home import Home
from sandbox.ports import Ports

REAL_TRUELAYER = {
    "TRUELAYER_CLIENT_ID": "shop-4711",
    "TRUELAYER_CLIENT_SECRET": "of a real account",
    "TRUELAYER_SIGNING_KEY": "-----BEGIN EC PRIVATE KEY-----",
    "TRUELAYER_SIGNING_KEY_ID": "of a real key",
    "TRUELAYER_MERCHANT_ACCOUNTS": '{"EUR": "of a real account"}',
}


def plan(folder: Path, **given: str) -> Plan:
    home = Home(folder / "home")
    home.path.mkdir(exist_ok=True)
    ports = Ports.counted_from(8000)
    return Plan(home=home, ports=ports, secrets=home.secrets(), given=given_settings(given))


def settings_of(planned: Plan) -> dict[str, str]:
    return planned.settings(database_url="postgresql://a/b", redis_url="redis://a")


def test_the_simulated_bank_is_what_our_processes_are_told_of(tmp_path: Path) -> None:
    planned = plan(tmp_path)
    assert planned.starts_bank
    told = read_settings(settings_of(planned))
    assert told.truelayer is not None
    assert told.truelayer.api_url == told.truelayer.page_url == planned.bank_url
    assert told.truelayer.jwks_url == f"{planned.bank_url}/.well-known/jwks"
    assert set(told.truelayer.merchant_accounts) == {"EUR", "USD", "GBP"}
    assert {name: account.currency for name, account in told.bank_accounts.items()} == {
        "main": "EUR",
        "usd": "USD",
        "gbp": "GBP",
    }
    # The bank has the public half of our key, and we have nothing of its own.
    assert "PUBLIC" in planned.bank_account.signing_public_key
    assert planned.secrets.bank_webhook_key not in settings_of(planned).values()


def test_secrets_of_a_home_from_before_the_bank_are_completed(tmp_path: Path) -> None:
    first = plan(tmp_path).secrets
    again = plan(tmp_path).secrets
    assert again == first
    assert first.truelayer_signing_key != first.bank_webhook_key


def test_a_real_truelayer_replaces_the_simulated_bank(tmp_path: Path) -> None:
    planned = plan(tmp_path, **REAL_TRUELAYER)
    assert not planned.starts_bank
    told = settings_of(planned)
    assert told["TRUELAYER_CLIENT_ID"] == "shop-4711"
    assert "TRUELAYER_API_URL" not in told


@pytest.mark.parametrize("left_out", [name for name in REAL_TRUELAYER if "CLIENT_ID" not in name])
def test_a_real_truelayer_is_given_completely(tmp_path: Path, left_out: str) -> None:
    given = {name: value for name, value in REAL_TRUELAYER.items() if name != left_out}
    with pytest.raises(EnvironmentFaultError, match=left_out):
        settings_of(plan(tmp_path, **given))


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("TRUELAYER_JWKS_URL", "TRUELAYER_CLIENT_ID"),
        ("GOCARDLESS_WEBHOOK_SECRETS", "GOCARDLESS_ACCESS_TOKEN"),
    ],
)
def test_a_part_of_a_providers_settings_alone_is_a_mistake(
    tmp_path: Path, name: str, owner: str
) -> None:
    with pytest.raises(EnvironmentFaultError, match=f"{name} is given without {owner}"):
        settings_of(plan(tmp_path, **{name: "http://127.0.0.1:1"}))


def test_nine_ports_follow_each_other() -> None:
    ports = Ports.counted_from(8000)
    assert (ports.web, ports.bank, ports.signer, ports.pager) == (8000, 8005, 8007, 8008)


def test_staff_are_led_to_the_shop_to_sign_in_and_to_the_console(tmp_path: Path) -> None:
    planned = plan(tmp_path)
    assert planned.console_url == f"{planned.base_url}/console"
    told = read_settings(settings_of(planned))
    assert told.console_sign_in_url == f"{planned.shop_url}/staff"
    own = plan(tmp_path, CONSOLE_SIGN_IN_URL="https://shop.example/sign-in")
    assert read_settings(settings_of(own)).console_sign_in_url == "https://shop.example/sign-in"
