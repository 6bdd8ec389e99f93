"""How the bank providers are reached, and which bank accounts are ours: parts of the settings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from payments.variables import Variables

TRUELAYER_API_URL = "https://api.truelayer.com"
TRUELAYER_AUTH_URL = "https://auth.truelayer.com"
TRUELAYER_PAGE_URL = "https://payment.truelayer.com"
TRUELAYER_JWKS_URL = "https://webhooks.truelayer.com/.well-known/jwks"
GOCARDLESS_API_URL = "https://api.gocardless.com"
BANK_LINK_OPEN_H = 72


@dataclass(frozen=True, kw_only=True)
class TrueLayerSettings:
    """How to reach TrueLayer as ourselves. Hides its secrets.

    `signing_key` is our private key as PEM and `signing_key_id` TrueLayer's id of it;
    `merchant_accounts` are the accounts that take the money, by currency; `jwks_url` is the one
    place whose keys may sign webhooks.
    """

    client_id: str
    client_secret: str = field(repr=False)
    signing_key: str = field(repr=False)
    signing_key_id: str
    merchant_accounts: Mapping[str, str]
    api_url: str
    auth_url: str
    page_url: str
    jwks_url: str


@dataclass(frozen=True, kw_only=True)
class GoCardlessSettings:
    """How to reach GoCardless as ourselves. Hides its secrets."""

    access_token: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    api_url: str


@dataclass(frozen=True, kw_only=True)
class BankAccount:
    """An account of ours at a bank: its IBAN or number as statements write it, and its currency."""

    name: str
    identifier: str = field(repr=False)
    currency: str


def read_bank_providers(reader: Variables) -> list[str]:
    """Return which bank providers are set up, the preferred one first."""
    named = {"truelayer": "TRUELAYER_CLIENT_ID", "gocardless": "GOCARDLESS_ACCESS_TOKEN"}
    return [provider for provider, variable in named.items() if reader.is_given(variable)]


def read_truelayer(reader: Variables) -> TrueLayerSettings | None:
    """Return how to reach TrueLayer, if it is set up."""
    if not reader.is_given("TRUELAYER_CLIENT_ID"):
        return None
    https = ("https", "http")
    return TrueLayerSettings(
        client_id=reader.secret("TRUELAYER_CLIENT_ID"),
        client_secret=reader.secret("TRUELAYER_CLIENT_SECRET"),
        signing_key=reader.text_or_file("TRUELAYER_SIGNING_KEY", begins="-----BEGIN"),
        signing_key_id=reader.secret("TRUELAYER_SIGNING_KEY_ID"),
        merchant_accounts=reader.json_object("TRUELAYER_MERCHANT_ACCOUNTS"),
        api_url=reader.url("TRUELAYER_API_URL", schemes=https, default=TRUELAYER_API_URL),
        auth_url=reader.url("TRUELAYER_AUTH_URL", schemes=https, default=TRUELAYER_AUTH_URL),
        page_url=reader.url("TRUELAYER_PAGE_URL", schemes=https, default=TRUELAYER_PAGE_URL),
        jwks_url=reader.url("TRUELAYER_JWKS_URL", schemes=https, default=TRUELAYER_JWKS_URL),
    )


def read_gocardless(reader: Variables) -> GoCardlessSettings | None:
    """Return how to reach GoCardless, if it is set up."""
    if not reader.is_given("GOCARDLESS_ACCESS_TOKEN"):
        return None
    return GoCardlessSettings(
        access_token=reader.secret("GOCARDLESS_ACCESS_TOKEN"),
        webhook_secrets=reader.secrets("GOCARDLESS_WEBHOOK_SECRETS"),
        api_url=reader.url(
            "GOCARDLESS_API_URL", schemes=("https", "http"), default=GOCARDLESS_API_URL
        ),
    )


def read_bank_accounts(reader: Variables, name: str) -> Mapping[str, BankAccount]:
    """Return our bank accounts by name, from the JSON of one variable."""
    if not reader.is_given(name):
        return {}
    accounts = {}
    for account, told in reader.json_object(name).items():
        if (
            not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", account)
            or account == "clearing"
            or not isinstance(told, dict)
            or told.keys() != {"identifier", "currency"}
        ):
            reader.fault(
                f"{name} lists {account!r}; it must read"
                ' {"main": {"identifier": "DE89…", "currency": "EUR"}}'
            )
            continue
        accounts[account] = BankAccount(
            name=account,
            identifier=str(told["identifier"]),
            currency=str(told["currency"]),
        )
    return accounts
