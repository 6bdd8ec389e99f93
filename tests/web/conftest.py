"""A client of the real application on the worker's own database, and callers of every role."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from payments.access.api_keys import create_key
from payments.access.caller import Role
from payments.database import transaction
from payments.limit_settings import RATE_LIMITS
from payments.settings import Settings, read_settings
from tests.payments.shop import KEYSET
from web.app import create_app
from web.parts import parts_of

SIGNING_KEY = ec.generate_private_key(ec.SECP256R1())
ORIGIN = "https://shop.test"
IBAN = "DE89370400440532013000"

# A chain nobody answers for: what the database knows of it is all that there is.
CHAIN = {
    "chain_id": 8453,
    "rpc_urls": ["http://127.0.0.1:9"],
    "native_asset": "ETH",
    "factory": "0x52908400098527886E0F7030069857D2E4169EE7",
    "operator": "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "arbiter": "0xde709f2102306220921060314715629080e2fb77",
    "guardian": "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "tokens": {"USDC": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"},
    "max_fee_gwei": "100",
    "max_priority_fee_gwei": "2",
    "limits": {"USDC": {"transaction": "1000000000000", "day": "10000000000000"}},
}

# Room for all that tests do; refused sign-ins stay limited, to be provoked.
ROOMY = {name: 1_000_000 for name in RATE_LIMITS if name != "address.sign_ins"}

Headers = dict[str, str]
KeyOf = Callable[..., Headers]
TokenOf = Callable[..., Headers]
MakeApp = Callable[[Settings], Flask]


def environment(*, database_url: str, redis_url: str) -> dict[str, str]:
    """Return settings of a sandbox that would talk to nobody."""
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(SIGNING_KEY.public_key(), as_dict=True)
    return {
        "STRONGROOM_ENV": "sandbox",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_SECRET_KEY": "sk_test_sandbox_0000",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox_0000",
        "STRIPE_WEBHOOK_SECRETS": "whsec_sandbox_new,whsec_sandbox_old",
        "STRIPE_API_URL": "http://127.0.0.1:9",
        "TRUSTED_ORIGINS": f"{ORIGIN},http://127.0.0.1:24001",
        "JWT_JWKS": json.dumps({"keys": [jwk | {"kid": "tests"}]}),
        "JWT_ISSUER": "https://id.test",
        "BANK_ACCOUNTS": json.dumps({"main": {"identifier": IBAN, "currency": "EUR"}}),
        "CHAINS": json.dumps({"base": CHAIN}),
        "PAYOUT_COOLING_H": "0",
        "ENCRYPTION_KEYSET": KEYSET,  # the shop's, whose parties are to be read
        "API_KEY_PEPPER": "sandbox pepper",
        "RATE_LIMITS": json.dumps(ROOMY),
    }


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return read_settings(environment(database_url=database_url, redis_url=redis_url))


@pytest.fixture
def make_app() -> Iterator[Callable[[Settings], Flask]]:
    """Makes applications and closes their connections after the test."""
    apps: list[Flask] = []

    def make(settings: Settings) -> Flask:
        apps.append(create_app(settings))
        return apps[-1]

    yield make
    for app in apps:
        parts_of(app).close()


@pytest.fixture
def app(make_app: MakeApp, settings: Settings) -> Flask:
    return make_app(settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def key_of(engine: Engine, settings: Settings) -> KeyOf:
    """Makes an API key for a role and returns the header that carries it."""

    def make(role: Role | str, *, scopes: tuple[str, ...] = ()) -> Headers:
        with transaction(engine) as session:
            issued = create_key(
                session,
                name="Test",
                role=Role(role),
                scopes=scopes,
                pepper=settings.api_key_pepper,
                livemode=False,
                now=dt.datetime.now(dt.UTC),  # noqa: TID251 - the application's clock is real here
            )
        return {"Authorization": f"Bearer {issued.text}"}

    return make


@pytest.fixture
def token_of() -> TokenOf:
    """Signs a person's token and returns the header that carries it."""

    def sign(party_id: str, role: Role | str = Role.BUYER, **changes: Any) -> Headers:
        now = int(dt.datetime.now(dt.UTC).timestamp())  # noqa: TID251 - as above
        claims = {
            "iss": "https://id.test",
            "aud": "strongroom",
            "sub": party_id,
            "role": str(role),
            "iat": now,
            "exp": now + 600,
            "auth_time": now,
            "amr": ["pwd", "otp"],
        }
        headers = {"kid": "tests"}
        text = jwt.encode(claims | changes, SIGNING_KEY, algorithm="ES256", headers=headers)
        return {"Authorization": f"Bearer {text}"}

    return sign


@pytest.fixture
def make_party(client: FlaskClient, key_of: KeyOf) -> Callable[[str], str]:
    """Registers a party under a fresh reference and returns its id."""
    headers = key_of(Role.SERVICE)

    def make(name: str) -> str:
        body = {"reference": f"party-{name}", "name": name}
        answer = client.post("/api/parties", json=body, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.get_json()["id"])

    return make
