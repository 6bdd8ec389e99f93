"""People's tokens from the platform's identity provider: short-lived JWTs, ES256 only.

Keys come from our own configuration; headers that point elsewhere (`jku`, `x5u`, `jwk`) have no
effect. Follows RFC 8725, "JSON Web Token Best Current Practices".
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

import jwt

from payments.access.caller import KEY_ROLES, PERSON_ROLES, Caller, Role
from payments.errors import UnauthorizedError

ALGORITHM = "ES256"
LEEWAY_S = 30
LONGEST_TOKEN = 8192
TOKEN_TYPES = frozenset({None, "JWT", "at+jwt"})
TOKEN_ROLES = (PERSON_ROLES | KEY_ROLES) - {Role.SERVICE}  # a backend has an API key instead
_PARTY_ID = re.compile(r"pty_[0-9A-Za-z]{1,64}")
_REFUSED = "The token is not valid."


class TokenReader:
    """Checks tokens against one issuer, one audience and a fixed set of public keys."""

    def __init__(
        self, jwks: Mapping[str, Any], *, issuer: str, audience: str, max_lifetime_s: int
    ) -> None:
        self._keys = _public_keys(jwks)
        self._issuer = issuer
        self._audience = audience
        self._max_lifetime_s = max_lifetime_s

    def read(self, token: str, *, now: dt.datetime) -> Caller:
        """Return who the token names.

        Raises:
            UnauthorizedError: anything at all is wrong with it; the answer does not say what.
        """
        if len(token) > LONGEST_TOKEN:
            raise UnauthorizedError(_REFUSED)
        try:
            claims = self._verified_claims(token)
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise UnauthorizedError(_REFUSED) from error
        self._check_times(claims, now=now)
        return _caller(claims)

    def _verified_claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        key = self._keys.get(str(header.get("kid")))
        if key is None or header.get("typ") not in TOKEN_TYPES or "crit" in header:
            raise UnauthorizedError(_REFUSED)
        return jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=self._issuer,
            audience=self._audience,
            options={
                "require": ["iss", "aud", "sub", "iat", "exp"],
                # Checked below against the caller's clock instead of the library's own.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )

    def _check_times(self, claims: Mapping[str, Any], *, now: dt.datetime) -> None:
        issued, expires = claims["iat"], claims["exp"]
        begins = claims.get("nbf", issued)
        if not all(type(moment) is int for moment in (issued, begins, expires)):
            raise UnauthorizedError(_REFUSED)
        seconds = now.timestamp()
        if (
            expires <= seconds - LEEWAY_S
            or max(issued, begins) > seconds + LEEWAY_S
            or not 0 < expires - issued <= self._max_lifetime_s
        ):
            raise UnauthorizedError(_REFUSED)


def _caller(claims: Mapping[str, Any]) -> Caller:
    subject, role = claims["sub"], claims.get("role")
    if not isinstance(subject, str) or not _PARTY_ID.fullmatch(subject):
        raise UnauthorizedError(_REFUSED)
    if not isinstance(role, str) or role not in TOKEN_ROLES:
        raise UnauthorizedError(_REFUSED)
    return Caller(
        principal=f"party:{subject}",
        role=Role(role),
        party_id=subject if role in PERSON_ROLES else None,
    )


def _public_keys(jwks: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """Pick the keys that may sign our tokens: named, on P-256, meant for ES256 signatures."""
    return {
        key["kid"]: jwt.PyJWK(dict(key), algorithm=ALGORITHM)
        for key in jwks.get("keys", ())
        if isinstance(key.get("kid"), str)
        and key.get("kty") == "EC"
        and key.get("crv") == "P-256"
        and key.get("alg", ALGORITHM) == ALGORITHM
        and key.get("use", "sig") == "sig"
    }
