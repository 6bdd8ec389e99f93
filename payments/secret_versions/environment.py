"""The values of secrets that the environment gives: the beginning, until a version ends them.

What is derived from the pepper has a key of its own: what is signed for one purpose says nothing
in another (RFC 5869, 3.2).
"""

import datetime as dt
import functools
import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from payments.identifiers import new_id
from payments.secret_versions.kinds import Kind
from payments.secret_versions.tables import ENVIRONMENT, SecretVersion
from payments.settings import Settings

Marks = Sequence[tuple[Kind, bytes, str]]
"""Of each value that the environment gives: its kind, its fingerprint and itself."""

_KEY_BYTES = 32
# Slow enough that a weak value is not found by trying; 4 MB of memory, some ten milliseconds.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**12, 8, 1


def environment_values(settings: Settings) -> Mapping[Kind, tuple[str, ...]]:
    """Return what the environment gives of each kind, the newest first."""
    gocardless = settings.gocardless
    return {
        Kind.STRIPE_WEBHOOK: settings.stripe_webhook_secrets,
        Kind.GOCARDLESS_WEBHOOK: gocardless.webhook_secrets if gocardless else (),
        Kind.JWT_KEY: tuple(
            json.dumps(key, sort_keys=True, separators=(",", ":"))
            for key in settings.jwt_jwks.get("keys", ())
            if isinstance(key, dict)
        ),
        Kind.SESSION_KEY: (_derived(settings.api_key_pepper, b"strongroom sessions"),),
        Kind.API_KEY_PEPPER: (settings.api_key_pepper,),
        Kind.LINK_KEY: (_derived(settings.api_key_pepper, b"strongroom invoice links"),),
    }


@functools.lru_cache(maxsize=128)
def fingerprint(kind: Kind, value: str) -> bytes:
    """Return 32 bytes that tell one value from another and do not give it away."""
    salt = f"strongroom secret {kind}".encode()
    return hashlib.scrypt(
        value.encode(), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, dklen=32
    )


def marks_of(values: Mapping[Kind, Sequence[str]]) -> Marks:
    """Return the values with their fingerprints, the newest of a kind first."""
    return [
        (kind, fingerprint(kind, value), value)
        for kind, of_kind in values.items()
        for value in of_kind
        if value
    ]


def note_environment(connection: Connection, marks: Marks, *, now: dt.datetime) -> None:
    """Note what the environment gives, unless it is known: from now on its age is."""
    if marks:
        connection.execute(
            insert(SecretVersion).on_conflict_do_nothing(index_elements=["kind", "fingerprint"]),
            [
                {
                    "id": new_id("sec", now=now),
                    "kind": kind,
                    "origin": ENVIRONMENT,
                    "fingerprint": mark,
                    "starts_at": now,
                    "created_by": "environment",
                    "created_at": now,
                }
                for kind, mark, _ in reversed(marks)
            ],
        )


def _derived(pepper: str, purpose: bytes) -> str:
    key = HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose).derive(pepper.encode())
    return urlsafe_b64encode(key).decode()
