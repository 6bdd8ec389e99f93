"""One stream, taken by hand: what it sends, when it ends, and what it holds on to."""

import datetime as dt
import socket
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
import redis
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from payments.access.caller import Caller, Role
from payments.database import connect_engine, transaction
from payments.delivery import live_events
from payments.delivery.live_events import NumberedEvent
from payments.errors import TooManyRequestsError, UnauthorizedError
from tests.web.event_client import announce, eventually, publish
from web.event_frames import frame_of, heartbeat, opening
from web.open_stream import FRAMES_WAITING, Stream
from web.stream_hub import STREAMS_PER_PRINCIPAL, StreamHub
from web.streams import EventStream

BUYER = Caller(principal="party:pty_1", role=Role.BUYER, party_id="pty_1")
Open = Callable[..., Iterator[bytes]]


@pytest.fixture
def engine(fresh_database_url: str) -> Iterator[Engine]:
    engine = connect_engine(fresh_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def valkey(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def hub(engine: Engine, redis_url: str) -> Iterator[StreamHub]:
    hub = StreamHub(engine, redis_url)
    yield hub
    hub.close()
    hub.wait_until_closed()


@pytest.fixture
def open_stream(hub: StreamHub, engine: Engine) -> Open:
    def open_one(
        recheck: Callable[[], Caller] = lambda: BUYER,
        *,
        last_event_id: int | None = None,
        heartbeat_s: float = 15,
        recheck_s: float = 60,
    ) -> Iterator[bytes]:
        return iter(
            EventStream(
                hub=hub,
                engine=engine,
                stream=hub.join(BUYER, None),
                last_event_id=last_event_id,
                recheck=recheck,
                heartbeat_s=heartbeat_s,
                recheck_s=recheck_s,
            )
        )

    return open_one


def numbered(position: int, data: dict[str, str] | None = None) -> NumberedEvent:
    return NumberedEvent(
        position=position, topic="order.updated", subject_id="s", audience=[], data=data or {}
    )


def test_an_event_is_written_as_the_standard_says_whatever_it_holds() -> None:
    frame = frame_of(numbered(7, {"note": "one\ntwo\r: Zoë"}))
    assert frame.text.decode() == (
        'id: 7\nevent: order.updated\ndata: {"note":"one\\ntwo\\r: Zoë"}\n\n'
    )


def test_a_silent_stream_shows_that_it_lives_and_how_far_it_is(
    open_stream: Open, engine: Engine, valkey: redis.Redis, hub: StreamHub
) -> None:
    stream = open_stream(heartbeat_s=0.05)
    assert next(stream) == opening(0)
    assert next(stream) == heartbeat(0)
    publish(engine, valkey, "of somebody else", "pty_2")
    eventually(lambda: hub.position == 1)
    assert next(sent for sent in stream if sent != heartbeat(0)) == heartbeat(1)


def test_a_waiting_stream_holds_no_database_connection(
    open_stream: Open, engine: Engine, valkey: redis.Redis
) -> None:
    publish(engine, valkey, "missed", "pty_1")
    stream = open_stream(heartbeat_s=0.05, last_event_id=0)
    assert len(list(islice(stream, 3))) == 3
    eventually(lambda: engine.pool.checkedout() == 0)  # type: ignore[attr-defined] # of a QueuePool


def test_events_that_come_while_it_catches_up_are_sent_once(
    open_stream: Open, engine: Engine, valkey: redis.Redis, hub: StreamHub
) -> None:
    for n in range(3):
        publish(engine, valkey, str(n), "pty_1")
    stream = open_stream(last_event_id=1)
    assert next(stream) == opening(1)
    assert next(stream).startswith(b"id: 2\n")
    publish(engine, valkey, "meanwhile", "pty_1")
    eventually(lambda: hub.position == 4)
    assert next(stream).startswith(b"id: 3\n")
    assert next(stream).startswith(b"id: 4\n")


def test_what_is_both_missed_and_offered_is_sent_once(
    open_stream: Open, engine: Engine, valkey: redis.Redis, hub: StreamHub
) -> None:
    stream = open_stream(last_event_id=0, heartbeat_s=0.05)
    publish(engine, valkey, "in between", "pty_1")
    eventually(lambda: hub.position == 1)
    sent = list(islice(stream, 3))
    assert sent[1].startswith(b"id: 1\nevent:")
    assert sent == [opening(0), sent[1], heartbeat(1)]


@pytest.mark.parametrize("page", [499, 500, 1001])
def test_any_number_of_missed_events_is_sent(open_stream: Open, engine: Engine, page: int) -> None:
    with transaction(engine) as session:
        changes = [
            live_events.Change(topic="t", subject_id=str(n), audience=["pty_1"], data={})
            for n in range(page)
        ]
        live_events.announce_all(session, changes, now=dt.datetime(2026, 11, 22, tzinfo=dt.UTC))
    with transaction(engine) as session:
        live_events.number_pending(session, limit=page)
    stream = open_stream(last_event_id=0, heartbeat_s=0.01)
    sent = list(islice(stream, page + 1))
    assert [text.split(b"\n")[0] for text in sent[1:]] == [
        f"id: {n}".encode() for n in range(1, page + 1)
    ]
    assert next(stream) == heartbeat(page)


def test_a_stream_ends_when_its_session_has_ended(open_stream: Open) -> None:
    def signed_out() -> Caller:
        raise UnauthorizedError("The session has ended.")

    assert list(open_stream(signed_out, recheck_s=0.01)) == [opening(0)]


def test_a_stream_ends_when_its_caller_has_other_rights_now(open_stream: Open) -> None:
    promoted = Caller(principal=BUYER.principal, role=Role.SELLER, party_id="pty_1")
    assert list(open_stream(lambda: promoted, recheck_s=0.01)) == [opening(0)]


def test_a_busy_stream_is_checked_too(
    open_stream: Open, engine: Engine, valkey: redis.Redis
) -> None:
    answers = iter([BUYER, Caller(principal="party:other", role=Role.BUYER, party_id="pty_1")])
    stream = open_stream(lambda: next(answers), recheck_s=0)
    next(stream)
    publish(engine, valkey, "seen", "pty_1")
    publish(engine, valkey, "unseen", "pty_1")
    assert [b"seen" in text for text in stream] in ([True], [])


def test_a_stream_stays_open_while_nobody_can_be_asked(open_stream: Open) -> None:
    def away() -> Caller:
        raise OperationalError("SELECT", {}, Exception("the database is away"))

    stream = open_stream(away, recheck_s=0.01, heartbeat_s=0.05)
    assert list(islice(stream, 2)) == [opening(0), heartbeat(0)]


def test_a_client_that_does_not_read_is_cut_off() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = Stream(BUYER, ours)
        for position in range(FRAMES_WAITING + 1):
            stream.offer(frame_of(numbered(position)))
        assert stream.ended
        assert theirs.recv(1) == b""


def test_a_client_that_hung_up_is_noticed() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = Stream(BUYER, ours)
        assert not stream.is_abandoned()
        theirs.close()
        assert stream.is_abandoned()


def test_streams_are_limited_for_each_principal_and_a_place_is_given_back(hub: StreamHub) -> None:
    streams = [hub.join(BUYER, None) for _ in range(STREAMS_PER_PRINCIPAL)]
    with pytest.raises(TooManyRequestsError):
        hub.join(BUYER, None)
    hub.leave(streams[0])
    hub.leave(streams[0])
    hub.join(BUYER, None)
    assert hub.count() == STREAMS_PER_PRINCIPAL


def test_a_caller_who_may_see_nothing_is_told_nothing(
    hub: StreamHub, engine: Engine, valkey: redis.Redis
) -> None:
    nobody = hub.join(Caller(principal="party:", role=Role.BUYER, party_id=None), None)
    publish(engine, valkey, "to nobody in particular", "")
    announce(engine, "public")
    eventually(lambda: hub.position == 1)
    assert nobody.take(timeout_s=0) is None


def test_closing_ends_all_streams_also_those_that_come_later(
    hub: StreamHub, open_stream: Open
) -> None:
    early = open_stream()
    hub.close()
    assert list(early) == [opening(0)]
    assert list(open_stream()) == [opening(0)]
