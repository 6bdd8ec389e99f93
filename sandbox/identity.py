"""The identity provider of the demo shop: it signs the tokens that say who a person is."""

import datetime as dt
import hashlib
import json
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER = "https://identity.sandbox.example"
AUDIENCE = "strongroom"
FINANCE_ID = "pty_sandboxfinance"


class Member(NamedTuple):
    """Somebody of the demo shop's staff, who is no party of Strongroom: what they come to do."""

    id: str
    role: str
    name: str
    work: str


STAFF = {
    "support": Member(
        "pty_sandboxsupport", "support", "Support", "Answers \u201cwhere is my money?\u201d"
    ),
    "finance": Member(
        FINANCE_ID, "finance", "Finance", "Releases, reconciles, closes months, reads the books"
    ),
    "second_finance": Member(
        "pty_sandboxfinance2",
        "finance",
        "Finance, second person",
        "Agrees to what the first asks for",
    ),
    "operator": Member(
        "pty_sandboxoperator", "operator", "Operator", "On call: incidents, webhooks, dead letters"
    ),
    "second_operator": Member(
        "pty_sandboxoperator2",
        "operator",
        "Operator, second person",
        "Lifts a freeze of the first",
    ),
    "admin": Member("pty_sandboxadmin", "admin", "Admin", "Keys, secrets, and all of the above"),
}
"""Two of each who decide in pairs."""


def public_jwks(private_key_pem: str) -> str:
    """Return the JWK set, as JSON, that checks what the key signs; for JWT_JWKS."""
    return json.dumps({"keys": [_public_jwk(_load(private_key_pem))]})


def issue_token(
    private_key_pem: str,
    *,
    party_id: str,
    role: str,
    now: dt.datetime,
    lifetime_s: int,
    issuer: str = ISSUER,
    audience: str = AUDIENCE,
) -> str:
    """Return a token (ES256) that says its bearer is this party in this role, from now on."""
    key = _load(private_key_pem)
    issued_at = int(now.timestamp())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": party_id,
        "role": role,
        "iat": issued_at,
        "exp": issued_at + lifetime_s,
        # Everybody has just signed in here, with a second factor (RFC 8176).
        "auth_time": issued_at,
        "amr": ["pwd", "otp", "mfa"],
    }
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": _public_jwk(key)["kid"]})


def _load(private_key_pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(private_key_pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("The identity key must be an elliptic curve key")
    return key


def _public_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    material = json.dumps({name: jwk[name] for name in ("crv", "kty", "x", "y")}, sort_keys=True)
    kid = hashlib.sha256(material.encode()).hexdigest()[:16]
    return {**jwk, "kid": kid, "alg": "ES256", "use": "sig"}
