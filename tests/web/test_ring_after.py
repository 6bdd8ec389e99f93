from collections.abc import Iterator

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from redis.client import PubSub

from payments.access.caller import Role
from payments.delivery import doorbell
from payments.delivery.redis_channels import channel
from payments.settings import read_settings
from tests.databases import free_port
from tests.web.conftest import KeyOf, MakeApp, environment


@pytest.fixture
def rings(redis_url: str) -> Iterator[PubSub]:
    with redis.Redis.from_url(redis_url) as valkey:
        listener: PubSub = valkey.pubsub(ignore_subscribe_messages=True)
        listener.subscribe(channel(valkey, doorbell.CHANNEL))
        listener.get_message(timeout=1)
        yield listener
        listener.close()


def make_party(client: FlaskClient, key_of: KeyOf) -> int:
    body = {"reference": "rung", "name": "Ada"}
    with client.post("/api/parties", json=body, headers=key_of(Role.SERVICE)) as answer:
        return answer.status_code


def test_what_changes_something_wakes_the_relay(
    client: FlaskClient, key_of: KeyOf, rings: PubSub
) -> None:
    assert make_party(client, key_of) in (200, 201)
    assert rings.get_message(timeout=5) is not None


def test_reading_and_being_refused_wake_nobody(client: FlaskClient, rings: PubSub) -> None:
    with client.get("/healthz"), client.post("/api/parties", json={}):
        pass
    assert rings.get_message(timeout=0) is None


def test_a_redis_that_is_away_is_nobodys_error(
    make_app: MakeApp, key_of: KeyOf, database_url: str
) -> None:
    away = environment(database_url=database_url, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    app: Flask = make_app(read_settings(away))
    assert make_party(app.test_client(), key_of) in (200, 201)
