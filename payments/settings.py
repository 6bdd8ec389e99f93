"""All configuration in one frozen object; the only module that reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from payments.access_settings import read_factors, read_kyc_thresholds, read_staff_hosts
from payments.alert_settings import read_alert_targets
from payments.bank_settings import (
    BANK_LINK_OPEN_H,
    BankAccount,
    GoCardlessSettings,
    TrueLayerSettings,
    read_bank_accounts,
    read_bank_providers,
    read_gocardless,
    read_truelayer,
)
from payments.chain_settings import (
    APPROVAL_ABOVE,
    ESCROW_ARBITER_D,
    ESCROW_FUND_H,
    ESCROW_RELEASE_D,
    PAYOUT_COOLING_H,
    ChainSettings,
    SignerSettings,
    read_amounts,
    read_chains,
    read_signer,
)
from payments.kyc import KycThresholds
from payments.limit_settings import RATE_LIMITS, read_rate_limits, read_trusted_proxies
from payments.notice_settings import read_private_networks
from payments.secret_settings import read_secret_ages
from payments.telemetry_settings import TelemetrySettings, read_telemetry
from payments.variables import Environment, IPNetwork, SettingsError, Variables

__all__ = [
    "Environment",
    "Settings",
    "SettingsError",
    "SigningSettings",
    "read_migration_url",
    "read_settings",
    "read_signing_settings",
]

STRIPE_API_URL = "https://api.stripe.com"
RETRY_WINDOW_H = 72
LONGEST_RETRY_WINDOW_H = 720
WEBHOOK_PAYLOADS_KEPT_D = 90
DOCUMENTS_KEPT_Y = 10


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
    chains: Mapping[str, ChainSettings]  # by name
    chain_signer: SignerSettings | None
    escrow_fund_h: int
    escrow_release_d: int
    escrow_arbiter_d: int
    payout_cooling_h: int
    release_approval_above: Mapping[str, int]  # by asset, in minor units
    webhook_retry_window_h: Mapping[str, int]  # by provider
    webhook_payloads_kept_d: int
    documents_kept_y: int
    trusted_origins: tuple[str, ...]
    jwt_jwks: Mapping[str, Any]
    jwt_issuer: str
    jwt_audience: str
    jwt_max_lifetime_s: int
    encryption_keyset: str = field(repr=False)
    api_key_pepper: str = field(repr=False)
    secret_max_age_d: Mapping[str, int]  # by kind of secret
    log_level: str
    crash_at: Path | None
    kyc_thresholds: KycThresholds
    staff_hosts: frozenset[str]  # where staff work; none: everywhere
    step_up_amr: frozenset[str]  # what counts as a second factor of staff
    rate_limits: Mapping[str, int] = field(default_factory=lambda: RATE_LIMITS)  # a minute
    trusted_proxies: tuple[IPNetwork, ...] = ()  # whose X-Forwarded-* is believed
    notice_private_networks: tuple[IPNetwork, ...] = ()
    notice_ca_file: str | None = None  # of receivers' own authority, besides the public ones
    alert_targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    console_url: str | None = None  # where staff find the console: alerts lead there
    console_sign_in_url: str | None = None  # where staff get a session: the pages lead there
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    invoice_pay_url: str | None = None  # with `{order_id}`: where a buyer pays an order

    @property
    def is_sandbox(self) -> bool:
        """Whether generated secrets and plain HTTP are accepted."""
        return self.environment is Environment.SANDBOX

    @property
    def livemode(self) -> bool:
        """Whether Stripe's live mode is used: events of the other mode are refused."""
        return self.stripe_secret_key.startswith(("sk_live_", "rk_live_"))


@dataclass(frozen=True, kw_only=True)
class SigningSettings:
    """What the process that signs needs to know, which is little; `token` is for who asks it."""

    database_url: str = field(repr=False)
    chains: Mapping[str, ChainSettings]  # by name
    keystore: SignerSettings
    token: str = field(repr=False)
    log_level: str


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (default: the process environment).

    Raises:
        SettingsError: names every missing or unusable variable and what it should be.
    """
    reader = Variables(os.environ if environ is None else environ)
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
        truelayer=read_truelayer(reader),
        gocardless=read_gocardless(reader),
        bank_accounts=read_bank_accounts(reader, "BANK_ACCOUNTS"),
        bank_link_open_h=reader.positive("BANK_LINK_OPEN_H", default=BANK_LINK_OPEN_H, longest=720),
        chains=read_chains(reader, "CHAINS"),
        chain_signer=read_signer(reader),
        escrow_fund_h=reader.positive("ESCROW_FUND_H", default=ESCROW_FUND_H, longest=8760),
        escrow_release_d=reader.positive("ESCROW_RELEASE_D", default=ESCROW_RELEASE_D, longest=730),
        escrow_arbiter_d=reader.positive("ESCROW_ARBITER_D", default=ESCROW_ARBITER_D, longest=730),
        payout_cooling_h=reader.positive(
            "PAYOUT_COOLING_H", default=PAYOUT_COOLING_H, least=0, longest=720
        ),
        release_approval_above={
            **APPROVAL_ABOVE,
            **read_amounts(reader, "RELEASE_APPROVAL_ABOVE"),
        },
        webhook_retry_window_h=_read_retry_windows(reader),
        webhook_payloads_kept_d=reader.positive(  # above the longest window of retries
            "WEBHOOK_PAYLOADS_KEPT_D", default=WEBHOOK_PAYLOADS_KEPT_D, least=31, longest=3650
        ),
        documents_kept_y=reader.positive(
            "DOCUMENTS_KEPT_Y", default=DOCUMENTS_KEPT_Y, least=1, longest=100
        ),
        trusted_origins=reader.origins("TRUSTED_ORIGINS"),
        jwt_jwks=reader.json_object("JWT_JWKS"),
        jwt_issuer=reader.secret("JWT_ISSUER"),
        jwt_audience=reader.text("JWT_AUDIENCE", default="strongroom"),
        jwt_max_lifetime_s=reader.positive("JWT_MAX_LIFETIME_S", default=900),
        encryption_keyset=reader.text_or_file("ENCRYPTION_KEYSET"),
        api_key_pepper=reader.secret("API_KEY_PEPPER"),
        secret_max_age_d=read_secret_ages(reader, "SECRET_MAX_AGE_D"),
        log_level=reader.text("LOG_LEVEL", default="INFO").upper(),
        crash_at=reader.crash_at("CRASH_AT"),
        kyc_thresholds=read_kyc_thresholds(reader, "KYC_REQUIRED"),
        staff_hosts=read_staff_hosts(reader, "STAFF_HOSTS"),
        step_up_amr=read_factors(reader, "STEP_UP_AMR"),
        alert_targets=read_alert_targets(reader, "ALERT_TARGETS"),
        console_url=reader.url("CONSOLE_URL", schemes=("https", "http"), default="").rstrip("/")
        or None,
        console_sign_in_url=reader.url("CONSOLE_SIGN_IN_URL", schemes=("https", "http"), default="")
        or None,
        invoice_pay_url=_read_pay_url(reader),
        telemetry=read_telemetry(reader),
        rate_limits=read_rate_limits(reader, "RATE_LIMITS"),
        trusted_proxies=read_trusted_proxies(reader, "TRUSTED_PROXIES"),
        notice_private_networks=read_private_networks(reader, "NOTICE_PRIVATE_NETWORKS"),
        notice_ca_file=reader.text("NOTICE_CA_FILE", default="") or None,
    )
    reader.raise_faults()
    return settings


def read_signing_settings(environ: Mapping[str, str] | None = None) -> SigningSettings:
    """Read the settings of the process that signs.

    Raises:
        SettingsError: names every missing or unusable variable and what it should be.
    """
    reader = Variables(os.environ if environ is None else environ)
    reader.environment()
    settings = SigningSettings(
        database_url=reader.url("DATABASE_URL", schemes=("postgresql", "postgres")),
        chains=read_chains(reader, "CHAINS"),
        keystore=SignerSettings(
            keystore=reader.text("CHAIN_KEYSTORE"),
            password_file=reader.text("CHAIN_KEYSTORE_PASSWORD_FILE"),
        ),
        token=reader.secret("CHAIN_SIGNER_TOKEN"),
        log_level=reader.text("LOG_LEVEL", default="INFO").upper(),
    )
    reader.raise_faults()
    return settings


def _read_retry_windows(reader: Variables) -> dict[str, int]:
    return {
        provider: reader.positive(
            f"{provider.upper()}_WEBHOOK_RETRY_WINDOW_H",
            default=RETRY_WINDOW_H,
            longest=LONGEST_RETRY_WINDOW_H,
        )
        for provider in ("stripe", *read_bank_providers(reader))
    }


def _read_pay_url(reader: Variables) -> str | None:
    name = "INVOICE_PAY_URL"
    if not reader.is_given(name):
        return None
    url = reader.url(name, schemes=("https", "http"))
    if "{order_id}" not in url:
        reader.fault(f"{name} must hold {{order_id}} where the id of the order goes")
    return url


def read_migration_url(environ: Mapping[str, str] | None = None) -> str:
    """Return the URL migrations run on; they need nothing else of the configuration."""
    reader = Variables(os.environ if environ is None else environ)
    url = reader.url(
        "MIGRATION_DATABASE_URL",
        schemes=("postgresql", "postgres"),
        default=reader.text("DATABASE_URL", default="") or None,
    )
    reader.raise_faults()
    return url
