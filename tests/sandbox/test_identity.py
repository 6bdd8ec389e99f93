"""Tokens of the demo shop's identity provider are the kind Strongroom accepts, and only those."""

import datetime as dt
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from payments.access.caller import Role
from payments.access.tokens import TokenReader
from payments.errors import UnauthorizedError
from sandbox.identity import ISSUER, issue_token, public_jwks

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


def new_key() -> str:
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def reader(key: str) -> TokenReader:
    return TokenReader(
        json.loads(public_jwks(key)), issuer=ISSUER, audience="strongroom", max_lifetime_s=900
    )


def token(key: str, lifetime_s: int = 900) -> str:
    return issue_token(key, party_id="pty_1", role="buyer", now=NOW, lifetime_s=lifetime_s)


def test_a_token_names_its_party() -> None:
    key = new_key()
    caller = reader(key).read(token(key), now=NOW)
    assert (caller.party_id, caller.role) == ("pty_1", Role.BUYER)


def test_a_token_ends_and_opens_nothing_elsewhere() -> None:
    key = new_key()
    with pytest.raises(UnauthorizedError):
        reader(key).read(token(key, lifetime_s=60), now=NOW + dt.timedelta(minutes=5))
    with pytest.raises(UnauthorizedError):
        reader(new_key()).read(token(key), now=NOW)


def test_the_published_keys_hold_nothing_private() -> None:
    (key,) = json.loads(public_jwks(new_key()))["keys"]
    assert "d" not in key
