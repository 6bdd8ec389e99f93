"""All configuration in one frozen object; the only module that reads the environment."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from payments.bank_settings import (
    BANK_LINK_OPEN_H,
    GOCARDLESS_API_URL,
    TRUELAYER_API_URL,
    TRUELAYER_AUTH_URL,
    TRUELAYER_JWKS_URL,
    TRUELAYER_PAGE_URL,
    BankAccount,
    GoCardlessSettings,
    TrueLayerSettings,
)

STRIPE_API_URL = "https://api.stripe.com"
RETRY_WINDOW_H = 72
LONGEST_RETRY_WINDOW_H = 720
SANDBOX_MARK = "sandbox"


class Environment(StrEnum):
    """Where this process runs; the sandbox accepts generated secrets and plain HTTP."""

    SANDBOX = "sandbox"
    PRODUCTION = "production"


class SettingsError(Exception):
    """The configuration is not usable; the text lists every fault at once."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a process needs to know; see docs/operating.md for each variable. Hides its secrets."""

    environment: Environment
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    stripe_secret_key: str = field(repr=False)
    stripe_publishable_key: str
    stripe_webhook_secrets: tuple[str, ...] = field(repr=False)
    stripe_api_url: str
    truelayer: TrueLayerSettings | None
    gocardless: GoCardlessSettings | None
    bank_accounts: Mapping[str, BankAccount]  # by name
    bank_link_open_h: int
    webhook_retry_window_h: Mapping[str, int]  # by provider
    trusted_origins: tuple[str, ...]
    jwt_jwks: Mapping[str, Any]
    jwt_issuer: str
    jwt_audience: str
    jwt_max_lifetime_s: int
    encryption_keyset: str = field(repr=False)
    api_key_pepper: str = field(repr=False)
    log_level: str
    crash_at: Path | None

    @property
    def is_sandbox(self) -> bool:
        """Whether generated secrets and plain HTTP are accepted."""
        return self.environment is Environment.SANDBOX

    @property
    def livemode(self) -> bool:
        """Whether Stripe's live mode is used: events of the other mode are refused."""
        return self.stripe_secret_key.startswith(("sk_live_", "rk_live_"))


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (default: the process environment).

    Raises:
        SettingsError: names every missing or unusable variable and what it should be.
    """
    reader = _Reader(os.environ if environ is None else environ)
    settings = Settings(
        environment=reader.environment(),
        database_url=reader.url("DATABASE_URL", schemes=("postgresql", "postgres")),
        redis_url=reader.url("REDIS_URL", schemes=("redis", "rediss", "unix")),
        stripe_secret_key=reader.secret("STRIPE_SECRET_KEY"),
        stripe_publishable_key=reader.secret("STRIPE_PUBLISHABLE_KEY"),
        stripe_webhook_secrets=reader.secrets("STRIPE_WEBHOOK_SECRETS"),
        stripe_api_url=reader.url(
            "STRIPE_API_URL", schemes=("https", "http"), default=STRIPE_API_URL
        ),
        truelayer=reader.truelayer(),
        gocardless=reader.gocardless(),
        bank_accounts=reader.bank_accounts("BANK_ACCOUNTS"),
        bank_link_open_h=reader.positive("BANK_LINK_OPEN_H", default=BANK_LINK_OPEN_H, longest=720),
        webhook_retry_window_h={
            provider: reader.positive(
                f"{provider.upper()}_WEBHOOK_RETRY_WINDOW_H",
                default=RETRY_WINDOW_H,
                longest=LONGEST_RETRY_WINDOW_H,
            )
            for provider in ("stripe", *reader.bank_providers())
        },
        trusted_origins=reader.origins("TRUSTED_ORIGINS"),
        jwt_jwks=reader.json_object("JWT_JWKS"),
        jwt_issuer=reader.secret("JWT_ISSUER"),
        jwt_audience=reader.text("JWT_AUDIENCE", default="strongroom"),
        jwt_max_lifetime_s=reader.positive("JWT_MAX_LIFETIME_S", default=900),
        encryption_keyset=reader.text_or_file("ENCRYPTION_KEYSET"),
        api_key_pepper=reader.secret("API_KEY_PEPPER"),
        log_level=reader.text("LOG_LEVEL", default="INFO").upper(),
        crash_at=reader.crash_at("CRASH_AT"),
    )
    reader.raise_faults()
    return settings


def read_migration_url(environ: Mapping[str, str] | None = None) -> str:
    """Return the URL migrations run on; they need nothing else of the configuration."""
    reader = _Reader(os.environ if environ is None else environ)
    url = reader.url(
        "MIGRATION_DATABASE_URL",
        schemes=("postgresql", "postgres"),
        default=reader.text("DATABASE_URL", default="") or None,
    )
    reader.raise_faults()
    return url


class _Reader:
    """Reads variables one by one and collects the faults, so that all are told at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._faults: list[str] = []
        self._sandbox = environ.get("STRONGROOM_ENV") == Environment.SANDBOX

    def raise_faults(self) -> None:
        if self._faults:
            listed = "\n".join(f"  - {fault}" for fault in self._faults)
            raise SettingsError(f"Strongroom cannot start with this configuration:\n{listed}")

    def environment(self) -> Environment:
        value = self._environ.get("STRONGROOM_ENV", Environment.PRODUCTION)
        try:
            return Environment(value)
        except ValueError:
            self._faults.append(f"STRONGROOM_ENV is {value!r}; use 'sandbox' or 'production'")
            return Environment.PRODUCTION

    def is_given(self, name: str) -> bool:
        return bool(self._environ.get(name, "").strip())

    def bank_providers(self) -> list[str]:
        named = {"truelayer": "TRUELAYER_CLIENT_ID", "gocardless": "GOCARDLESS_ACCESS_TOKEN"}
        return [provider for provider, variable in named.items() if self.is_given(variable)]

    def truelayer(self) -> TrueLayerSettings | None:
        if not self.is_given("TRUELAYER_CLIENT_ID"):
            return None
        https = ("https", "http")
        return TrueLayerSettings(
            client_id=self.secret("TRUELAYER_CLIENT_ID"),
            client_secret=self.secret("TRUELAYER_CLIENT_SECRET"),
            signing_key=self.text_or_file("TRUELAYER_SIGNING_KEY", begins="-----BEGIN"),
            signing_key_id=self.secret("TRUELAYER_SIGNING_KEY_ID"),
            merchant_accounts=self.json_object("TRUELAYER_MERCHANT_ACCOUNTS"),
            api_url=self.url("TRUELAYER_API_URL", schemes=https, default=TRUELAYER_API_URL),
            auth_url=self.url("TRUELAYER_AUTH_URL", schemes=https, default=TRUELAYER_AUTH_URL),
            page_url=self.url("TRUELAYER_PAGE_URL", schemes=https, default=TRUELAYER_PAGE_URL),
            jwks_url=self.url("TRUELAYER_JWKS_URL", schemes=https, default=TRUELAYER_JWKS_URL),
        )

    def gocardless(self) -> GoCardlessSettings | None:
        if not self.is_given("GOCARDLESS_ACCESS_TOKEN"):
            return None
        return GoCardlessSettings(
            access_token=self.secret("GOCARDLESS_ACCESS_TOKEN"),
            webhook_secrets=self.secrets("GOCARDLESS_WEBHOOK_SECRETS"),
            api_url=self.url(
                "GOCARDLESS_API_URL", schemes=("https", "http"), default=GOCARDLESS_API_URL
            ),
        )

    def bank_accounts(self, name: str) -> Mapping[str, BankAccount]:
        if not self.is_given(name):
            return {}
        accounts = {}
        for account, told in self.json_object(name).items():
            if (
                not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", account)
                or account == "clearing"
                or not isinstance(told, dict)
                or told.keys() != {"identifier", "currency"}
            ):
                self._faults.append(
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

    def text(self, name: str, *, default: str | None = None) -> str:
        value = self._environ.get(name, "").strip()
        if value:
            return value
        if default is None:
            self._faults.append(f"{name} is missing")
            return ""
        return default

    def secret(self, name: str) -> str:
        value = self.text(name)
        if not self._sandbox and SANDBOX_MARK in value:
            self._faults.append(f"{name} holds a value made for the sandbox; set a real one")
        return value

    def secrets(self, name: str) -> tuple[str, ...]:
        values = tuple(part.strip() for part in self.secret(name).split(",") if part.strip())
        if len(values) > 3:  # noqa: PLR2004 - current, previous and next
            self._faults.append(f"{name} lists {len(values)} secrets; at most 3 may be live")
        return values

    def url(self, name: str, *, schemes: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(name, default=default)
        scheme = urlsplit(value).scheme.partition("+")[0]
        if value and scheme not in schemes:
            self._faults.append(f"{name} must be a URL that begins with {schemes[0]}://")
        if name.endswith(("DATABASE_URL", "REDIS_URL")) and not self._sandbox:
            password = urlsplit(value).password or ""
            if SANDBOX_MARK in password:
                self._faults.append(f"{name} holds a password made for the sandbox")
        return value

    def origins(self, name: str) -> tuple[str, ...]:
        origins = tuple(o.strip() for o in self.text(name, default="").split(",") if o.strip())
        for origin in origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
                self._faults.append(f"{name} lists {origin!r}; an origin reads https://host[:port]")
            elif parts.scheme == "http" and not self._sandbox:
                self._faults.append(f"{name} lists {origin!r}; outside the sandbox use https")
        return origins

    def positive(self, name: str, *, default: int, longest: int | None = None) -> int:
        value = self.text(name, default=str(default))
        if value.isdecimal() and 0 < int(value) <= (longest or int(value)):
            return int(value)
        bounds = "above zero" if longest is None else f"from 1 to {longest}"
        self._faults.append(f"{name} is {value!r}; it must be a whole number {bounds}")
        return default

    def text_or_file(self, name: str, *, begins: str = "{") -> str:
        value = self.text(name)
        if not value or value.lstrip().startswith(begins):
            return value
        try:
            return Path(value).read_text(encoding="utf-8")
        except OSError as error:
            self._faults.append(f"{name} names a file that cannot be read: {error.strerror}")
            return ""

    def crash_at(self, name: str) -> Path | None:
        value = self.text(name, default="")
        if value and not self._sandbox:
            self._faults.append(f"{name} kills processes for tests; unset it")
        return Path(value) if value else None

    def json_object(self, name: str) -> Mapping[str, Any]:
        text = self.text_or_file(name)
        if not text:
            return {}
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = None
        if isinstance(value, dict):
            return value
        self._faults.append(f"{name} must be a JSON object or the path of a file with one")
        return {}
