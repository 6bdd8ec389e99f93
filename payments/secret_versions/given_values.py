"""What the value of a secret must be that somebody else made."""

import json
import re

import jwt

from payments.errors import InvalidRequestError
from payments.secret_versions.kinds import Kind
from payments.variables import SANDBOX_MARK

_STRIPE = re.compile(r"whsec_[\x21-\x7e]{16,250}")
_GOCARDLESS = re.compile(r"[\x21-\x7e]{20,250}")
_LONGEST_JWK = 2_000
_PUBLIC = frozenset({"kty", "crv", "x", "y", "kid", "alg", "use", "key_ops", "x5t", "x5t#S256"})


def checked_value(kind: Kind, value: str, *, is_sandbox: bool) -> str:
    """Return the value as it is kept.

    Raises:
        InvalidRequestError: it is not a secret of this kind, or one that was made for the sandbox.
    """
    value = value.strip()
    if kind is Kind.JWT_KEY:
        return _checked_jwk(value)
    if kind is Kind.STRIPE_WEBHOOK and not _STRIPE.fullmatch(value):
        raise _fault("Stripe's signing secrets begin with whsec_; copy it whole.")
    if kind is Kind.GOCARDLESS_WEBHOOK and not _GOCARDLESS.fullmatch(value):
        raise _fault("Use 20 to 250 visible ASCII characters.")
    if SANDBOX_MARK in value and not is_sandbox:
        raise _fault("This is a value made for the sandbox.")
    return value


def key_id(value: str) -> str:
    """Return the id (`kid`) of a JWK that was checked."""
    return str(json.loads(value)["kid"])


def _checked_jwk(value: str) -> str:
    """Return a public key for ES256 in one form, so that the same key is known again."""
    try:
        key = json.loads(value) if len(value) <= _LONGEST_JWK else None
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, dict) or not all(isinstance(part, str | list) for part in key.values()):
        raise _fault("Give one public JWK as a JSON object (RFC 7517).")
    if "d" in key:
        raise _fault("This is a private key: it leaked with this request, so make another one.")
    if (key.get("kty"), key.get("crv"), key.get("alg", "ES256"), key.get("use", "sig")) != (
        *("EC", "P-256"),
        *("ES256", "sig"),
    ):
        raise _fault("Only ES256 keys sign tokens: kty EC, crv P-256.")
    if not isinstance(key.get("kid"), str) or not key["kid"]:
        raise _fault("The key needs an id, kid.")
    try:
        jwt.PyJWK(key, algorithm="ES256")
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise _fault("This is not a point on the curve P-256.") from error
    kept = {name: part for name, part in key.items() if name in _PUBLIC}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))


def _fault(text: str) -> InvalidRequestError:
    return InvalidRequestError("The value is not usable.", errors={"value": [text]})
