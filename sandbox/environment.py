"""What the sandbox's processes are told: settings made here, or given by whoever runs it.

A setting given in the environment switches its part to the real thing, one by one.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from payments.alert_settings import TARGETS
from sandbox.bank.account import Account, public_key
from sandbox.chain.setup import People
from sandbox.home import Home, Secrets
from sandbox.identity import ISSUER, public_jwks
from sandbox.ports import Ports

# A person trying things out keeps their tokens for a day; the product's default is 15 minutes.
_TOKEN_LIFETIME_S = 24 * 60 * 60
# Few people try out many things, all of them from one address.
_RATE_LIMITS = {
    "person.sign_ins": 60,
    "person.payments": 1_200,
    "person.releases": 600,
    "person.documents": 600,
    "person.requests": 12_000,
    "address.sign_ins": 300,
    "address.bad_credentials": 1_200,
    "address.bad_signatures": 1_200,
    "address.requests": 12_000,
}
_CLIENT_ID = "sandbox-strongroom"
_SIGNING_KEY_ID = "5a1d0b0e-0000-4000-8000-000000000001"

_TRUELAYER = (
    "TRUELAYER_CLIENT_ID",
    "TRUELAYER_CLIENT_SECRET",
    "TRUELAYER_SIGNING_KEY",
    "TRUELAYER_SIGNING_KEY_ID",
    "TRUELAYER_MERCHANT_ACCOUNTS",
    "TRUELAYER_API_URL",
    "TRUELAYER_AUTH_URL",
    "TRUELAYER_PAGE_URL",
    "TRUELAYER_JWKS_URL",
)
_GOCARDLESS = ("GOCARDLESS_ACCESS_TOKEN", "GOCARDLESS_WEBHOOK_SECRETS", "GOCARDLESS_API_URL")
_CHAIN = (
    "CHAINS",
    "CHAIN_SIGNER_URL",
    "CHAIN_SIGNER_TOKEN",
    "CHAIN_KEYSTORE",
    "CHAIN_KEYSTORE_PASSWORD_FILE",
)
_ESCROW = (
    *("ESCROW_FUND_H", "ESCROW_RELEASE_D", "ESCROW_ARBITER_D"),
    *("PAYOUT_COOLING_H", "RELEASE_APPROVAL_ABOVE"),
)
_SETTINGS = (
    "DATABASE_URL",
    "MIGRATION_DATABASE_URL",
    "REDIS_URL",
    "STRIPE_SECRET_KEY",
    "STRIPE_PUBLISHABLE_KEY",
    "STRIPE_WEBHOOK_SECRETS",
    "STRIPE_API_URL",
    *_TRUELAYER,
    *_GOCARDLESS,
    *_CHAIN,
    *_ESCROW,
    "BANK_ACCOUNTS",
    "BANK_LINK_OPEN_H",
    "ALERT_TARGETS",
    "CONSOLE_URL",
    "CONSOLE_SIGN_IN_URL",
    "TRUSTED_ORIGINS",
    "JWT_JWKS",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "JWT_MAX_LIFETIME_S",
    "ENCRYPTION_KEYSET",
    "API_KEY_PEPPER",
    "NOTICE_PRIVATE_NETWORKS",
    "NOTICE_CA_FILE",
    "RATE_LIMITS",
    "TRUSTED_PROXIES",
    "METRICS_FOLDER",
    "METRICS_NETWORKS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "LOG_LEVEL",
    "WEB_CONCURRENCY",
)
# Of the machine's environment, programs get only what they need to find files and the network.
_SURROUNDINGS = (
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
)


# Settings that mean nothing, or do harm, without the one that names their part.
_BELONGS_TO = {
    "MIGRATION_DATABASE_URL": "DATABASE_URL",
    "STRIPE_PUBLISHABLE_KEY": "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRETS": "STRIPE_SECRET_KEY",
    "STRIPE_API_URL": "STRIPE_SECRET_KEY",
    **dict.fromkeys(_TRUELAYER[1:], "TRUELAYER_CLIENT_ID"),
    **dict.fromkeys(_GOCARDLESS[1:], "GOCARDLESS_ACCESS_TOKEN"),
    **dict.fromkeys(_CHAIN[1:], "CHAINS"),
}


class EnvironmentFaultError(Exception):
    """What was given does not go together; the text says what is missing."""


@dataclass(frozen=True)
class Plan:
    """Which parts this run starts itself, and how every process is told about them."""

    home: Home
    ports: Ports
    secrets: Secrets
    given: Mapping[str, str]

    @property
    def starts_postgres(self) -> bool:
        """Whether no DATABASE_URL was given."""
        return "DATABASE_URL" not in self.given

    @property
    def starts_valkey(self) -> bool:
        """Whether no REDIS_URL was given."""
        return "REDIS_URL" not in self.given

    @property
    def starts_stripe(self) -> bool:
        """Whether no STRIPE_SECRET_KEY was given."""
        return "STRIPE_SECRET_KEY" not in self.given

    @property
    def starts_bank(self) -> bool:
        """Whether no TRUELAYER_CLIENT_ID was given."""
        return "TRUELAYER_CLIENT_ID" not in self.given

    @property
    def starts_chain(self) -> bool:
        """Whether no CHAINS was given; then the signer is started, too."""
        return "CHAINS" not in self.given

    @property
    def base_url(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.ports.web}"

    @property
    def shop_url(self) -> str:
        """Where the demo shop answers."""
        return f"http://127.0.0.1:{self.ports.shop}"

    @property
    def console_url(self) -> str:
        """Where staff see how everything is."""
        return f"{self.base_url}/console"

    @property
    def stripe_url(self) -> str:
        """Where the simulated Stripe answers."""
        return f"http://127.0.0.1:{self.ports.stripe}"

    @property
    def bank_url(self) -> str:
        """Where the simulated bank answers, and TrueLayer in front of it."""
        return f"http://127.0.0.1:{self.ports.bank}"

    @property
    def chain_url(self) -> str:
        """Where the local chain's node answers."""
        return f"http://127.0.0.1:{self.ports.chain}"

    @property
    def signer_url(self) -> str:
        """Where the signer answers our own processes."""
        return f"http://127.0.0.1:{self.ports.signer}"

    @property
    def pager_url(self) -> str:
        """Where the pager answers, which shows what people would be told."""
        return f"http://127.0.0.1:{self.ports.pager}"

    @property
    def people(self) -> People:
        """Who has a wallet on the local chain."""
        return People(self.secrets.wallets_secret)

    @property
    def bank_account(self) -> Account:
        """What the simulated bank knows of us."""
        return Account(
            client_id=_CLIENT_ID,
            client_secret=self.secrets.truelayer_client_secret,
            signing_key_id=_SIGNING_KEY_ID,
            signing_public_key=public_key(self.secrets.truelayer_signing_key),
            webhook_url=f"{self.base_url}/api/webhooks/bank",
            webhook_key=self.secrets.bank_webhook_key,
            now=time.time,
        )

    def settings(self, *, database_url: str, redis_url: str) -> dict[str, str]:
        """Return the settings of every process, complete.

        Raises:
            EnvironmentFaultError: when a part's settings were given in part only.
        """
        for name, owner in _BELONGS_TO.items():
            if name in self.given and owner not in self.given:
                raise EnvironmentFaultError(
                    f"{name} is given without {owner}: set both, or unset {name}."
                )
        settings = {
            "STRONGROOM_ENV": "sandbox",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "TRUSTED_ORIGINS": ",".join(
                f"http://{host}:{port}"
                for host in ("127.0.0.1", "localhost")
                for port in (self.ports.web, self.ports.shop)
            ),
            "JWT_JWKS": public_jwks(self.secrets.identity_key),
            "JWT_ISSUER": ISSUER,
            "JWT_MAX_LIFETIME_S": str(_TOKEN_LIFETIME_S),
            "ENCRYPTION_KEYSET": self.secrets.encryption_keyset,
            "API_KEY_PEPPER": self.secrets.api_key_pepper,
            "ALERT_TARGETS": json.dumps(
                {target: [f"json://127.0.0.1:{self.ports.pager}/{target}"] for target in TARGETS}
            ),
            "CONSOLE_URL": self.console_url,
            "CONSOLE_SIGN_IN_URL": f"{self.shop_url}/staff",
            "NOTICE_PRIVATE_NETWORKS": "127.0.0.0/8",
            "RATE_LIMITS": json.dumps(_RATE_LIMITS),
            "METRICS_FOLDER": str(self.home.metrics.resolve()),
            "METRICS_NETWORKS": "127.0.0.0/8,::1/128",
            **self._stripe(),
            **self._bank(),
            **self._chain(),
        }
        return {**settings, **{name: self.given[name] for name in _SETTINGS if name in self.given}}

    def surroundings(self) -> dict[str, str]:
        """Return what programs keep of the environment of whoever runs the sandbox."""
        kept = {name: self.given[name] for name in _SURROUNDINGS if name in self.given}
        return {**kept, "PYTHONUNBUFFERED": "1", "TZ": "UTC"}

    def _stripe(self) -> dict[str, str]:
        if self.starts_stripe:
            return {
                "STRIPE_SECRET_KEY": self.secrets.stripe_secret_key,
                "STRIPE_PUBLISHABLE_KEY": self.secrets.stripe_publishable_key,
                "STRIPE_WEBHOOK_SECRETS": self.secrets.stripe_webhook_secret,
                "STRIPE_API_URL": self.stripe_url,
            }
        needed = ("STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRETS")
        missing = [name for name in needed if name not in self.given]
        if missing:
            raise EnvironmentFaultError(
                f"STRIPE_SECRET_KEY is given, so payments go to Stripe itself: set "
                f"{' and '.join(missing)} as well, or unset STRIPE_SECRET_KEY."
            )
        return {}

    def _bank(self) -> dict[str, str]:
        if self.starts_bank:
            key = self.secrets.truelayer_signing_key
            return self.bank_account.settings(self.bank_url, signing_key=key)
        missing = [name for name in _TRUELAYER[1:5] if name not in self.given]
        if missing:
            raise EnvironmentFaultError(
                f"TRUELAYER_CLIENT_ID is given, so payments by bank go to TrueLayer itself: set "
                f"{' and '.join(missing)} as well, or unset TRUELAYER_CLIENT_ID."
            )
        return {}

    def _chain(self) -> dict[str, str]:
        if not self.starts_chain:
            return {}
        return {
            **self.people.settings(self.chain_url),
            "CHAIN_SIGNER_URL": self.signer_url,
            "CHAIN_SIGNER_TOKEN": self.secrets.chain_signer_token,
        }


def given_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what of the environment matters here; an empty value counts as not given."""
    return {name: environ[name] for name in (*_SETTINGS, *_SURROUNDINGS) if environ.get(name)}
