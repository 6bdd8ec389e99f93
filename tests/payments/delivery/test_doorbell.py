import fakeredis
import redis
from redis.client import PubSub

from payments.delivery import doorbell
from payments.delivery.doorbell import CHANNEL
from payments.delivery.redis_channels import channel
from tests.databases import free_port


def listen(client: redis.Redis) -> PubSub:
    listener: PubSub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call] # redis-py's
    listener.subscribe(channel(client, CHANNEL))
    listener.get_message(timeout=1)
    return listener


def test_ringing_reaches_whoever_listens() -> None:
    server = fakeredis.FakeServer()
    listener = listen(fakeredis.FakeStrictRedis(server=server))
    doorbell.ring(fakeredis.FakeStrictRedis(server=server))
    assert listener.get_message(timeout=1) is not None
    listener.close()


def test_ringing_at_a_redis_that_is_away_does_nothing() -> None:
    client = doorbell.connect(f"redis://127.0.0.1:{free_port()}/0")
    doorbell.ring(client)
    client.close()


def test_ringing_finds_redis_again_after_it_closed_the_connection(redis_url: str) -> None:
    with doorbell.connect(redis_url) as client, redis.Redis.from_url(redis_url) as admin:
        listener = listen(admin)
        doorbell.ring(client)
        admin.client_kill_filter(_type="normal", skipme=True)
        doorbell.ring(client)
        heard = [listener.get_message(timeout=5) for _ in range(2)]
        listener.close()
    assert all(heard)


def test_systems_in_two_databases_of_one_server_do_not_hear_each_other() -> None:
    server = fakeredis.FakeServer()
    listener = listen(fakeredis.FakeStrictRedis(server=server, db=1))
    doorbell.ring(fakeredis.FakeStrictRedis(server=server, db=2))
    doorbell.ring(fakeredis.FakeStrictRedis(server=server, db=1))
    assert listener.get_message(timeout=1) is not None
    assert listener.get_message(timeout=0) is None
    listener.close()
