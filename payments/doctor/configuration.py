"""The settings: which secrets are weak, which values are for tests, which doors stand open."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from payments.privacy.encryption import FieldCipher, KeysetError
from payments.provider_checks import Check, State
from payments.settings import STRIPE_API_URL, Settings

LEAST_BITS = 96
"""Of a secret that nobody should find by trying: 20 characters of letters and figures."""

_LONGEST_TOKEN_S = 900
_QUIET = ("DEBUG", "NOTSET")


def configuration_checks(settings: Settings) -> list[Check]:
    """Look at the settings alone; nothing is asked of anybody."""
    checks = [_environment(settings), _keyset(settings), _people(settings), _origins(settings)]
    if settings.is_sandbox:
        return checks
    return [
        *checks,
        _secrets(settings),
        _for_tests(settings),
        _staff(settings),
        _proxies(settings),
        _log(settings),
    ]


def bits_of(secret: str) -> int:
    """Return how many bits a secret is worth at most, judged by its characters alone.

    The entropy of its characters by how often each occurs, times its length: `aaaa…` is worth
    nothing however long it is, and a word as little as its letters. A value made at random comes
    out somewhat below what it is.
    """
    counts = Counter(secret)
    length = len(secret)
    return int(-sum(n * math.log2(n / length) for n in counts.values()))


def _environment(settings: Settings) -> Check:
    if settings.is_sandbox:
        return Check("Environment", State.OK, "sandbox: generated secrets, plain HTTP")
    return Check("Environment", State.OK, "production")


def _keyset(settings: Settings) -> Check:
    name = "Encryption keyset"
    try:
        FieldCipher(settings.encryption_keyset)
    except KeysetError as error:
        return Check(name, State.FAIL, str(error), "docs/operating.md says how to make one")
    count = len(json.loads(settings.encryption_keyset)["key"])
    return Check(name, State.OK, f"{count} key(s), AES-256-GCM")


def _people(settings: Settings) -> Check:
    name = "Identity provider"
    count = len(settings.jwt_jwks.get("keys", []))
    detail = f"tokens of {settings.jwt_issuer}, {count} public key(s)"
    if not count:
        return Check(name, State.FAIL, detail, "put its public keys into JWT_JWKS")
    if settings.jwt_max_lifetime_s > _LONGEST_TOKEN_S and not settings.is_sandbox:
        detail = f"{detail}; a token may live {settings.jwt_max_lifetime_s} s"
        return Check(name, State.WARN, detail, f"set JWT_MAX_LIFETIME_S to {_LONGEST_TOKEN_S}")
    return Check(name, State.OK, detail)


def _origins(settings: Settings) -> Check:
    if settings.trusted_origins:
        return Check("Trusted origins", State.OK, " ".join(settings.trusted_origins))
    detail = "none: no browser page may call this API"
    return Check("Trusted origins", State.WARN, detail, "name your shop's in TRUSTED_ORIGINS")


def _secrets(settings: Settings) -> Check:
    name = "Secrets' strength"
    weak = [called for called, value in _values(settings) if bits_of(value) < LEAST_BITS]
    if weak:
        change = "make each anew: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        return Check(name, State.FAIL, f"{', '.join(weak)}: short or repetitive", change)
    return Check(name, State.OK, f"each of {LEAST_BITS} bits or more")


def _values(settings: Settings) -> Iterator[tuple[str, str]]:
    """Give every secret that somebody could try out, by the name of its variable."""
    yield "API_KEY_PEPPER", settings.api_key_pepper
    for secret in settings.stripe_webhook_secrets:
        yield "STRIPE_WEBHOOK_SECRETS", secret
    for secret in settings.gocardless.webhook_secrets if settings.gocardless else ():
        yield "GOCARDLESS_WEBHOOK_SECRETS", secret
    if settings.chain_signer is not None and settings.chain_signer.token is not None:
        yield "CHAIN_SIGNER_TOKEN", settings.chain_signer.token
    for name, url in (("DATABASE_URL", settings.database_url), ("REDIS_URL", settings.redis_url)):
        parts = urlsplit(url)
        if parts.hostname is not None:  # else it is a socket, which needs no password
            yield f"the password in {name}", unquote(parts.password or "")


def _for_tests(settings: Settings) -> Check:
    name = "Values for tests"
    found = []
    if not settings.livemode:
        found.append("STRIPE_SECRET_KEY is one of test mode")
    if settings.stripe_api_url != STRIPE_API_URL:
        found.append(f"STRIPE_API_URL leads to {urlsplit(settings.stripe_api_url).hostname}")
    if urlsplit(settings.jwt_issuer).hostname in ("localhost", "127.0.0.1"):
        found.append("JWT_ISSUER is on this machine")
    pages = {
        "CONSOLE_SIGN_IN_URL": settings.console_sign_in_url,
        "INVOICE_PAY_URL": settings.invoice_pay_url,
    }
    found += [
        f"{key} is without TLS" for key, url in pages.items() if (url or "").startswith("http:")
    ]
    if found:
        return Check(name, State.WARN, "; ".join(found), "set those of production")
    return Check(name, State.OK, "none")


def _staff(settings: Settings) -> Check:
    if settings.staff_hosts:
        return Check("Staff's host", State.OK, " ".join(sorted(settings.staff_hosts)))
    change = "set STAFF_HOSTS to a host that only staff's network reaches"
    detail = "none of their own: the console answers wherever the API does"
    return Check("Staff's host", State.WARN, detail, change)


def _proxies(settings: Settings) -> Check:
    name = "Proxies"
    if settings.trusted_proxies:
        return Check(name, State.OK, " ".join(str(one) for one in settings.trusted_proxies))
    change = "name the load balancer's network in TRUSTED_PROXIES"
    detail = "none is trusted: what ends TLS before us looks like one caller over plain HTTP"
    return Check(name, State.WARN, detail, change)


def _log(settings: Settings) -> Check:
    if settings.log_level in _QUIET:
        detail = f"level {settings.log_level} tells more than operating needs"
        return Check("Log", State.WARN, detail, "set LOG_LEVEL=INFO")
    return Check("Log", State.OK, f"level {settings.log_level}")
