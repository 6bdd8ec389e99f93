"""One application, one world and callers of every kind, for each module that imports them."""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, update

from payments.access.api_keys import create_key
from payments.access.caller import Role
from payments.access.tables import ApiKey
from payments.database import transaction
from payments.settings import Settings, read_settings
from tests.databases import Servers
from tests.payments.shop import KEYSET
from tests.security.world import Strangers, World, meet_strangers
from tests.web.conftest import SIGNING_KEY, Headers, environment
from web.app import create_app
from web.parts import parts_of
from web.streams import end_streams


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real here


@pytest.fixture(scope="module")
def one_settings(database_url: str, servers: Servers, worker_id: str) -> Settings:
    number = 0 if worker_id == "master" else 1 + int(worker_id.removeprefix("gw"))
    url = servers.logical_redis_url(number)
    client = redis.Redis.from_url(url)
    client.flushdb()
    client.close()
    made = read_settings(environment(database_url=database_url, redis_url=url))
    return dataclasses.replace(made, encryption_keyset=KEYSET, log_level="ERROR")


@pytest.fixture(scope="module")
def one_app(one_settings: Settings) -> Iterator[Flask]:
    app = create_app(one_settings)
    yield app
    end_streams(app)
    parts_of(app).close()


@pytest.fixture(scope="module")
def api(one_app: Flask) -> FlaskClient:
    """A client that keeps no cookies."""
    return one_app.test_client(use_cookies=False)


@pytest.fixture(scope="module")
def world(engine: Engine) -> World:
    return World(engine)


@pytest.fixture(scope="module")
def strangers(engine: Engine) -> Strangers:
    return meet_strangers(engine)


def sign(party_id: str, role: Role | str, **changes: Any) -> Headers:
    """Return the header with a token of somebody who has just signed in with a second factor."""
    issued = int(now().timestamp())
    claims = {
        "iss": "https://id.test",
        "aud": "strongroom",
        "sub": party_id,
        "role": str(role),
        "iat": issued,
        "exp": issued + 600,
        "auth_time": issued,
        "amr": ["pwd", "otp"],
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    text = jwt.encode(claims, SIGNING_KEY, algorithm="ES256", headers={"kid": "tests"})
    return {"Authorization": f"Bearer {text}"}


@dataclasses.dataclass(frozen=True)
class Keys:
    """Makes API keys as they are stored."""

    engine: Engine
    pepper: str

    def make(self, role: Role | str, *, ended: str | None = None, **more: Any) -> Headers:
        """Return the header with a key; `ended`: expired or revoked."""
        with transaction(self.engine) as session:
            issued = create_key(
                session,
                name="Test",
                role=Role(role),
                pepper=self.pepper,
                livemode=False,
                now=now() - dt.timedelta(hours=1),
                **more,
            )
            if ended is not None:
                column = {"expired": "expires_at", "revoked": "revoked_at"}[ended]
                past = now() - dt.timedelta(minutes=1)
                where = ApiKey.id == issued.key.id
                session.execute(update(ApiKey).where(where).values({column: past}))
        return {"Authorization": f"Bearer {issued.text}"}


@pytest.fixture(scope="module")
def keys(engine: Engine, one_settings: Settings) -> Keys:
    return Keys(engine, one_settings.api_key_pepper)
