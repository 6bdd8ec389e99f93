"""How the bank providers are reached, and which bank accounts are ours: parts of the settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
