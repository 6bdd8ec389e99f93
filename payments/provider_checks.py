"""Whether the providers are set up and can be reached: these checks ask, and change nothing."""

import json
import socket
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Connection, text

from payments.bank_settings import (
    GOCARDLESS_API_URL,
    TRUELAYER_API_URL,
    GoCardlessSettings,
    TrueLayerSettings,
)
from payments.database import APPLICATION_ROLE
from payments.providers.exchange import Exchange, NoAnswerError
from payments.settings import STRIPE_API_URL, Settings

CONNECT_TIMEOUT_S = 3
_OK = 200
_KEYS_SIZE_MAX = 262_144


class State(StrEnum):
    """How a check ended: `warn` works but is not as it should be in production."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(NamedTuple):
    """One line of the doctor's report; `change` says what to do about it, where that is known."""

    name: str
    state: State
    detail: str
    change: str | None = None


def provider_checks(settings: Settings) -> list[Check]:
    """Look at every provider that is set up, and at the bank accounts their money goes to."""
    checks = _stripe(settings)
    if settings.truelayer is not None:
        checks += _truelayer(settings.truelayer, is_sandbox=settings.is_sandbox)
    if settings.gocardless is not None:
        checks += _gocardless(settings.gocardless, is_sandbox=settings.is_sandbox)
    return [*checks, _bank_accounts(settings)]


def forsaken_payments(connection: Connection, settings: Settings) -> Check:
    """Look for bank payments of a provider that is not set up any more: nobody follows them."""
    name = "Bank payments"
    connection.execute(text(f"SET LOCAL ROLE {APPLICATION_ROLE}"))
    rows = connection.execute(
        text(
            "SELECT provider, count(*) AS open FROM strongroom.payments"
            " WHERE rail = 'bank' AND poll_at IS NOT NULL GROUP BY provider ORDER BY provider"
        )
    ).all()
    known = _bank_providers(settings)
    forsaken = [f"{row.open} with {row.provider}" for row in rows if row.provider not in known]
    if forsaken:
        detail = f"{', '.join(forsaken)}, which is not set up: nobody follows them"
        return Check(name, State.FAIL, detail)
    return Check(name, State.OK, f"{sum(row.open for row in rows)} open")


def place(url: str) -> str:
    """Return the host and port of a URL, without the password it may hold."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path


def _stripe(settings: Settings) -> list[Check]:
    at = place(settings.stripe_api_url)
    if settings.stripe_api_url == STRIPE_API_URL:
        target = f"{'live' if settings.livemode else 'test'} mode of {at}"
    else:
        target = f"another server than Stripe's own: {at}"
    state = State.OK if settings.is_sandbox or settings.livemode else State.WARN
    secrets = len(settings.stripe_webhook_secrets)
    return [
        _unreachable("Stripe", settings.stripe_api_url) or Check("Stripe", state, target),
        Check("Stripe webhooks", State.OK, f"{secrets} signing secret(s) accepted"),
    ]


def _truelayer(settings: TrueLayerSettings, *, is_sandbox: bool) -> list[Check]:
    name, at = "TrueLayer", place(settings.api_url)
    currencies = " ".join(sorted(settings.merchant_accounts))
    reached = _unreachable(name, settings.api_url) or _unreachable(name, settings.auth_url)
    if not currencies:
        reached = Check(name, State.FAIL, "no merchant account: nothing can be paid")
    own = settings.api_url == TRUELAYER_API_URL
    return [
        reached or _bank(name, f"{at}, for {currencies}", is_own=own or is_sandbox),
        _truelayer_keys(settings.jwks_url),
    ]


def _truelayer_keys(jwks_url: str) -> Check:
    """Get the keys that webhooks are signed with."""
    name, at = "TrueLayer webhooks", place(jwks_url)
    exchange = Exchange(connect_timeout_s=CONNECT_TIMEOUT_S, read_timeout_s=CONNECT_TIMEOUT_S)
    try:
        answer = exchange.send("GET", jwks_url, headers={}, size_max=_KEYS_SIZE_MAX)
        content = json.loads(answer.body) if answer.status == _OK else None
    except (NoAnswerError, ValueError, RecursionError):
        content = None
    keys = content.get("keys") if isinstance(content, Mapping) else None
    if not isinstance(keys, list) or not keys:
        return Check(name, State.FAIL, f"no signing keys at {at}: none can be verified")
    return Check(name, State.OK, f"{len(keys)} signing key(s) at {at}")


def _gocardless(settings: GoCardlessSettings, *, is_sandbox: bool) -> list[Check]:
    name, at = "GoCardless", place(settings.api_url)
    own = settings.api_url == GOCARDLESS_API_URL
    secrets = len(settings.webhook_secrets)
    return [
        _unreachable(name, settings.api_url) or _bank(name, at, is_own=own or is_sandbox),
        Check("GoCardless webhooks", State.OK, f"{secrets} signing secret(s) accepted"),
    ]


def _bank(name: str, target: str, *, is_own: bool) -> Check:
    if is_own:
        return Check(name, State.OK, target)
    return Check(name, State.WARN, f"not {name}'s live server: {target}")


def _bank_accounts(settings: Settings) -> Check:
    name, accounts = "Bank accounts", settings.bank_accounts.values()
    listed = ", ".join(f"{account.name} ({account.currency})" for account in accounts)
    if accounts:
        return Check(name, State.OK, listed)
    if _bank_providers(settings):
        detail = "none: what banks paid cannot be compared with a statement; set BANK_ACCOUNTS"
        return Check(name, State.WARN, detail)
    return Check(name, State.OK, "none, and no payments by bank")


def _bank_providers(settings: Settings) -> list[str]:
    given = {"truelayer": settings.truelayer, "gocardless": settings.gocardless}
    return [provider for provider, setting in given.items() if setting is not None]


def _unreachable(name: str, url: str) -> Check | None:
    """Return the failed check when nobody listens at a URL."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), CONNECT_TIMEOUT_S).close()
    except OSError as error:
        return Check(name, State.FAIL, f"{place(url)} does not answer: {error.strerror}")
    return None
