import base64
import datetime as dt
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from payments.access.caller import Caller, Role
from payments.access.tokens import TokenReader
from payments.errors import UnauthorizedError

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
SECONDS = int(NOW.timestamp())
PRIVATE = ec.generate_private_key(ec.SECP256R1())
FOREIGN = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P384 = ec.generate_private_key(ec.SECP384R1())
PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(key: Any, kid: str, algorithm: type = jwt.algorithms.ECAlgorithm) -> dict[str, Any]:
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid}  # type: ignore[attr-defined] # every algorithm has it


JWKS = {
    "keys": [
        jwk(PRIVATE, "now"),
        jwk(FOREIGN, "for-encryption") | {"use": "enc"},
        jwk(RSA, "rsa", jwt.algorithms.RSAAlgorithm),
        jwk(P384, "p384"),
    ]
}
READER = TokenReader(JWKS, issuer="https://id.test", audience="strongroom", max_lifetime_s=900)
CLAIMS: dict[str, Any] = {
    "iss": "https://id.test",
    "aud": "strongroom",
    "sub": "pty_1",
    "role": "buyer",
    "iat": SECONDS,
    "exp": SECONDS + 900,
}


def token(
    changes: dict[str, Any] | None = None,
    *,
    headers: dict[str, Any] | None = None,
    key: Any = PRIVATE,
    algorithm: str = "ES256",
) -> str:
    claims = {name: value for name, value in (CLAIMS | (changes or {})).items() if value != "gone"}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "now"} | (headers or {}))


def unsigned(header: dict[str, Any], signature: str = "") -> str:
    parts = [json.dumps(header).encode(), json.dumps(CLAIMS).encode()]
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, signature])


def signed_with_public_key_as_secret() -> str:
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    start = unsigned({"alg": "HS256", "typ": "JWT", "kid": "now"})[:-1]
    signature = base64.urlsafe_b64encode(algorithm.sign(start.encode(), PEM)).rstrip(b"=")
    return f"{start}.{signature.decode()}"


def test_a_good_token_names_a_person() -> None:
    assert READER.read(token(), now=NOW) == Caller("party:pty_1", Role.BUYER, "pty_1")
    staff = READER.read(token({"role": "support"}), now=NOW)
    assert (staff.principal, staff.role, staff.party_id) == ("party:pty_1", Role.SUPPORT, None)
    assert READER.read(token({"aud": ["other", "strongroom"]}), now=NOW).role is Role.BUYER


def test_clocks_may_differ_by_thirty_seconds() -> None:
    READER.read(token(), now=NOW + dt.timedelta(seconds=929))
    READER.read(token(), now=NOW - dt.timedelta(seconds=30))


BAD = {
    "empty": "",
    "not a token": "nonsense",
    "two parts": "a.b",
    "long": "a" * 9000,
    "not ascii": "é.é.é",
    "alg none": unsigned({"alg": "none", "typ": "JWT", "kid": "now"}),
    "alg None": unsigned({"alg": "None", "typ": "JWT", "kid": "now"}),
    "empty signature": unsigned({"alg": "ES256", "typ": "JWT", "kid": "now"}),
    "public key as secret": signed_with_public_key_as_secret(),
    "other key": token(key=FOREIGN),
    "key for encryption": token(key=FOREIGN, headers={"kid": "for-encryption"}),
    "rsa": token(key=RSA, algorithm="RS256", headers={"kid": "rsa"}),
    "es384": token(key=P384, algorithm="ES384", headers={"kid": "p384"}),
    "no kid": jwt.encode(CLAIMS, PRIVATE, algorithm="ES256"),
    "unknown kid": token(headers={"kid": "later"}),
    "kid of a path": token(headers={"kid": "../../dev/null"}),
    "own key in header": token(key=FOREIGN, headers={"jwk": jwk(FOREIGN, "now")}),
    "jku": token(key=FOREIGN, headers={"jku": "https://evil.test/keys", "kid": "evil"}),
    "typ": token(headers={"typ": "refresh+jwt"}),
    "crit": token(headers={"crit": ["exp"]}),
    "issuer": token({"iss": "https://evil.test"}),
    "issuer missing": token({"iss": "gone"}),
    "audience": token({"aud": "another"}),
    "audience missing": token({"aud": "gone"}),
    "subject missing": token({"sub": "gone"}),
    "subject is no party": token({"sub": "admin"}),
    "subject with space": token({"sub": "pty_1 "}),
    "issued missing": token({"iat": "gone"}),
    "expiry missing": token({"exp": "gone"}),
    "expired": token({"iat": SECONDS - 900, "exp": SECONDS - 30}),
    "issued in the future": token({"iat": SECONDS + 31, "exp": SECONDS + 60}),
    "not yet": token({"nbf": SECONDS + 31}),
    "lives too long": token({"exp": SECONDS + 901}),
    "ends before it begins": token({"iat": SECONDS + 10, "exp": SECONDS + 5}),
    "expiry as text": token({"exp": str(SECONDS + 60)}),
    "expiry as fraction": token({"exp": SECONDS + 60.5}),
    "expiry true": token({"exp": True}),
    "no role": token({"role": "gone"}),
    "role unknown": token({"role": "root"}),
    "role of a machine": token({"role": "service"}),
    "roles": token({"role": ["buyer"]}),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_every_other_token_is_refused_with_the_same_words(bad: str) -> None:
    with pytest.raises(UnauthorizedError, match=r"^The token is not valid\.$"):
        READER.read(bad, now=NOW)


def test_an_edited_token_is_refused() -> None:
    head, _, signature = token().split(".")
    claims = json.dumps(CLAIMS | {"role": "admin"}).encode()
    body = base64.urlsafe_b64encode(claims).rstrip(b"=").decode()
    with pytest.raises(UnauthorizedError):
        READER.read(f"{head}.{body}.{signature}", now=NOW)


def test_without_keys_nobody_gets_in() -> None:
    reader = TokenReader({}, issuer="i", audience="a", max_lifetime_s=900)
    with pytest.raises(UnauthorizedError):
        reader.read(token(), now=NOW)
