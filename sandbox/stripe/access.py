"""Who is calling: the platform's backend with the secret key, or a browser with the publishable."""

import base64
import binascii
import hmac

from sandbox.stripe.account import Account
from sandbox.stripe.refusals import Refusal, Resource, invalid

_SHOWN = 4


def is_browser(account: Account, authorization: str | None, key_in_form: str | None) -> bool:
    """True for the publishable key, False for the secret key; anything else is refused."""
    key = _presented_key(authorization) or key_in_form
    if not key:
        raise Refusal(401, "You did not provide an API key.")
    if hmac.compare_digest(key.encode(), account.secret_key.encode()):
        return False
    if hmac.compare_digest(key.encode(), account.publishable_key.encode()):
        return True
    masked = key[:8] + "*" * max(0, len(key) - 8 - _SHOWN) + key[-_SHOWN:]
    raise Refusal(401, f"Invalid API Key provided: {masked}")


def _presented_key(authorization: str | None) -> str | None:
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def refuse_browser() -> Refusal:
    """401 for a call that the publishable key may not make."""
    return Refusal(
        401,
        "This API call cannot be made with a publishable API key.",
        code="secret_key_required",
    )


def check_client_secret(intent: Resource, client_secret: str | None) -> None:
    """Refuse a browser that does not hold the secret of this very intent."""
    if not client_secret or not hmac.compare_digest(
        client_secret.encode(), str(intent["client_secret"]).encode()
    ):
        raise invalid(
            "client_secret",
            "The client_secret provided does not match the client_secret of this PaymentIntent.",
        )
