"""People's tokens from the platform's identity provider: short-lived JWTs, ES256 only.

Keys come from our own configuration; headers that point elsewhere (`jku`, `x5u`, `jwk`) have no
effect. Follows RFC 8725, "JSON Web Token Best Current Practices".
"""

import datetime as dt
import functools
import json
import re
from collections.abc import Mapping
from typing import Any

import jwt

from payments.access.caller import KEY_ROLES, PERSON_ROLES, Caller, Role
from payments.errors import UnauthorizedError
from payments.secret_versions.kinds import Kind
from payments.secret_versions.source import FixedSecrets, SecretSource

ALGORITHM = "ES256"
LEEWAY_S = 30
LONGEST_TOKEN = 8192
MOST_FACTORS = 16
TOKEN_TYPES = frozenset({None, "JWT", "at+jwt"})
TOKEN_ROLES = (PERSON_ROLES | KEY_ROLES) - {Role.SERVICE}  # a backend has an API key instead
_PARTY_ID = re.compile(r"pty_[0-9A-Za-z]{1,64}")
_FACTOR = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_REFUSED = "The token is not valid."


class TokenReader:
    """Checks tokens against one issuer, one audience and the public keys that are live.

    The keys are those of `secrets`; without it, the fixed set that `jwks` is.
    """

    def __init__(
        self,
        jwks: Mapping[str, Any],
        *,
        issuer: str,
        audience: str,
        max_lifetime_s: int,
        secrets: SecretSource | None = None,
    ) -> None:
        fixed = [json.dumps(key) for key in jwks.get("keys", ()) if isinstance(key, dict)]
        self._secrets = secrets or FixedSecrets({Kind.JWT_KEY: fixed})
        self._issuer = issuer
        self._audience = audience
        self._max_lifetime_s = max_lifetime_s

    def read(self, token: str, *, now: dt.datetime) -> Caller:
        """Return who the token names.

        Raises:
            UnauthorizedError: anything at all is wrong with it; the answer does not say what.
        """
        return self.read_dated(token, now=now)[0]

    def read_dated(self, token: str, *, now: dt.datetime) -> tuple[Caller, dt.datetime]:
        """Return who the token names, and when it was issued.

        Raises:
            UnauthorizedError: anything at all is wrong with it; the answer does not say what.
        """
        if len(token) > LONGEST_TOKEN:
            raise UnauthorizedError(_REFUSED)
        try:
            claims = self._verified_claims(token, now=now)
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise UnauthorizedError(_REFUSED) from error
        self._check_times(claims, now=now)
        return _caller(claims, now=now), dt.datetime.fromtimestamp(claims["iat"], dt.UTC)

    def _verified_claims(self, token: str, *, now: dt.datetime) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        if header.get("typ") not in TOKEN_TYPES or "crit" in header:
            raise UnauthorizedError(_REFUSED)
        key = self._key(str(header.get("kid")), now=now)
        if key is None:
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

    def _key(self, kid: str, *, now: dt.datetime) -> jwt.PyJWK | None:
        """Return the live key of an id; one that nobody knows may have been added just now."""
        for versions in (self._secrets.of, self._secrets.of_again):
            for version in versions(Kind.JWT_KEY, now=now):
                key = _public_key(version.value)
                if key is not None and key.key_id == kid:
                    return key
        return None

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


def _caller(claims: Mapping[str, Any], *, now: dt.datetime) -> Caller:
    subject, role = claims["sub"], claims.get("role")
    if not isinstance(subject, str) or not _PARTY_ID.fullmatch(subject):
        raise UnauthorizedError(_REFUSED)
    if not isinstance(role, str) or role not in TOKEN_ROLES:
        raise UnauthorizedError(_REFUSED)
    return Caller(
        principal=f"party:{subject}",
        role=Role(role),
        party_id=subject if role in PERSON_ROLES else None,
        authenticated_at=_authenticated_at(claims, now=now),
        factors=_factors(claims),
    )


def _authenticated_at(claims: Mapping[str, Any], *, now: dt.datetime) -> dt.datetime | None:
    """Return when the person proved who they are (OpenID Connect Core 1.0, 2: `auth_time`)."""
    moment = claims.get("auth_time")
    if moment is None:
        return None
    if type(moment) is not int or not 0 < moment <= now.timestamp() + LEEWAY_S:
        raise UnauthorizedError(_REFUSED)
    return dt.datetime.fromtimestamp(moment, dt.UTC)


def _factors(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return how the person did (RFC 8176: `amr`)."""
    methods = claims.get("amr", [])
    if not isinstance(methods, list) or len(methods) > MOST_FACTORS:
        raise UnauthorizedError(_REFUSED)
    if not all(isinstance(one, str) and _FACTOR.fullmatch(one) for one in methods):
        raise UnauthorizedError(_REFUSED)
    return frozenset(methods)


@functools.lru_cache(maxsize=32)
def _public_key(jwk: str) -> jwt.PyJWK | None:
    """Return a key that may sign our tokens: named, on P-256, meant for ES256 signatures."""
    key = json.loads(jwk)
    usable = (
        isinstance(key.get("kid"), str)
        and key.get("kty") == "EC"
        and key.get("crv") == "P-256"
        and key.get("alg", ALGORITHM) == ALGORITHM
        and key.get("use", "sig") == "sig"
    )
    return jwt.PyJWK(key, algorithm=ALGORITHM) if usable else None
