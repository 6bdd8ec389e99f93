"""The identity provider of the demo shop: it signs the tokens that say who a person is."""

import datetime as dt
import hashlib
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER = "https://identity.sandbox.example"
AUDIENCE = "strongroom"
# Who works at the demo shop's finance desk; staff are no parties of Strongroom.
FINANCE_ID = "pty_sandboxfinance"


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
