"""Throw-away P-521 keys, and webhooks signed with them as TrueLayer signs its own."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

_COORDINATE = 66  # bytes of a P-521 coordinate
SIGNED = ("X-Tl-Webhook-Timestamp", "Content-Type")


@dataclass(frozen=True)
class Key:
    """A key pair under an id."""

    kid: str
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP521R1())
    )

    @property
    def pem(self) -> str:
        """The private key."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    @property
    def public_pem(self) -> str:
        """The public key."""
        return (
            self.private.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )

    @property
    def jwk(self) -> dict[str, str]:
        """The public key as a set of keys lists it."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "EC",
            "alg": "ES512",
            "kid": self.kid,
            "crv": "P-521",
            "x": b64(numbers.x.to_bytes(_COORDINATE, "big")),
            "y": b64(numbers.y.to_bytes(_COORDINATE, "big")),
        }


def b64(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(
    key: Key,
    *,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    jku: str | None,
    signed: tuple[str, ...] = SIGNED,
    **changed: Any,
) -> str:
    """Return a Tl-Signature made without the library; `changed` replaces parts of its header."""
    header: dict[str, Any] = {
        "alg": "ES512",
        "kid": key.kid,
        "tl_version": "2",
        "tl_headers": ",".join(signed),
    }
    if jku is not None:
        header["jku"] = jku
    head = b64(json.dumps({**header, **changed}, separators=(",", ":")).encode())
    lines = "".join(f"{name}: {headers[name]}\n" for name in signed)
    content = f"POST {path}\n{lines}".encode() + body
    signature = key.private.sign(f"{head}.{b64(content)}".encode(), ec.ECDSA(hashes.SHA512()))
    r, s = decode_dss_signature(signature)
    return f"{head}..{b64(r.to_bytes(_COORDINATE, 'big') + s.to_bytes(_COORDINATE, 'big'))}"
