"""One stream, taken by hand: what it sends, when it ends, and what it holds on to."""

import datetime as dt
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

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
from web.event_frames import Frame, frame_of, heartbeat, opening
from web.open_stream import BACKLOG_BYTES, Stream
from web.stream_hub import STREAMS_PER_PRINCIPAL, StreamHub
from web.streams import CatchUp

BUYER = Caller(principal="party:pty_1", role=Role.BUYER, party_id="pty_1")
QUIET_S = 3600.0


class Client:
    """The other end of a stream."""

    def __init__(self, theirs: socket.socket) -> None:
        theirs.settimeout(20)
        self.socket = theirs
        self._unread = b""

    def __iter__(self) -> Iterator[bytes]:
        """Read one message after the other until the stream ends."""
        while True:
            while b"\n\n" not in self._unread:
                part = self.socket.recv(65_536)
                if not part:
                    return
                self._unread += part
            message, _, self._unread = self._unread.partition(b"\n\n")
            yield message + b"\n\n"

    def hears(self) -> bytes:
        return next(iter(self))


@pytest.fixture
def engine(fresh_database_url: str) -> Iterator[Engine]:
    engine = connect_engine(fresh_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def valkey(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


Hubs = Callable[..., StreamHub]


@pytest.fixture
def make_hub(engine: Engine, redis_url: str) -> Iterator[Hubs]:
    hubs: list[StreamHub] = []

    def make(*, heartbeat_s: float = QUIET_S, recheck_s: float = QUIET_S) -> StreamHub:
        hubs.append(StreamHub(engine, redis_url, heartbeat_s=heartbeat_s, recheck_s=recheck_s))
        return hubs[-1]

    yield make
    for hub in hubs:
        hub.close()
        hub.wait_until_closed()


@pytest.fixture
def hub(make_hub: Hubs) -> StreamHub:
    return make_hub()


Open = Callable[..., Client]


@pytest.fixture
def open_stream(engine: Engine) -> Iterator[Open]:
    """Opens streams of a hub on connections of their own."""
    with ExitStack() as stack:

        def open_one(
            hub: StreamHub,
            recheck: Callable[[], Caller] = lambda: BUYER,
            *,
            last_event_id: int | None = None,
        ) -> Client:
            ours, theirs = map(stack.enter_context, socket.socketpair())
            stream = hub.join(BUYER, ours, recheck)
            catch_up = CatchUp(hub=hub, engine=engine, stream=stream, position=0)
            catch_up.begin(last_event_id)
            # As a request: it sends what was missed in a thread of its own.
            request = threading.Thread(target=catch_up.send_and_hand_over, args=(b"",))
            request.start()
            stack.callback(request.join)
            return Client(theirs)

        yield open_one


def is_open(hub: StreamHub, client: Client) -> bool:
    """Wait for a stream to begin."""
    return client.hears() == opening(hub.position)


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
    make_hub: Hubs, open_stream: Open, engine: Engine, valkey: redis.Redis
) -> None:
    hub = make_hub(heartbeat_s=0.05)
    client = open_stream(hub)
    assert client.hears() == opening(0)
    assert client.hears() == heartbeat(0)
    publish(engine, valkey, "of somebody else", "pty_2")
    assert next(sent for sent in client if sent != heartbeat(0)) == heartbeat(1)


def test_an_open_stream_holds_no_database_connection(
    hub: StreamHub, open_stream: Open, engine: Engine, valkey: redis.Redis
) -> None:
    publish(engine, valkey, "missed", "pty_1")
    client = open_stream(hub, last_event_id=0)
    assert client.hears() == opening(0)
    assert client.hears().startswith(b"id: 1\n")
    eventually(lambda: engine.pool.checkedout() == 0)  # type: ignore[attr-defined] # of a QueuePool


def test_events_that_come_while_it_catches_up_are_sent_once(
    make_hub: Hubs, engine: Engine, valkey: redis.Redis
) -> None:
    hub = make_hub()
    for n in range(3):
        publish(engine, valkey, str(n), "pty_1")
    stream = hub.join(BUYER, None, lambda: BUYER)
    catch_up = CatchUp(hub=hub, engine=engine, stream=stream, position=0)
    catch_up.begin(1)
    assert not hub.go_live(stream, catch_up.position)
    assert [text.split(b"\n")[0] for text in catch_up.missed().split(b"\n\n")][:-1] == [
        b"id: 2",
        b"id: 3",
    ]
    publish(engine, valkey, "meanwhile", "pty_1")
    eventually(lambda: hub.position == 4)
    assert not hub.go_live(stream, catch_up.position)
    assert catch_up.missed().startswith(b"id: 4\n")
    assert hub.go_live(stream, catch_up.position)


def test_what_was_sent_already_is_not_sent_again(
    make_hub: Hubs, open_stream: Open, engine: Engine, valkey: redis.Redis
) -> None:
    hub = make_hub()
    listener = open_stream(hub)
    assert is_open(hub, listener)
    announce(engine, "not heard yet", "pty_1")
    with transaction(engine) as session:
        [event] = live_events.number_pending(session, limit=10)
    ahead = hub.join(BUYER, None, lambda: BUYER)
    assert hub.go_live(ahead, event.position)
    publish(engine, valkey, "next", "pty_1")
    assert [listener.hears()[:6], listener.hears()[:6]] == [b"id: 1\n", b"id: 2\n"]
    eventually(lambda: ahead.position == 2)


@pytest.mark.parametrize("page", [499, 500, 1001])
def test_any_number_of_missed_events_is_sent(
    hub: StreamHub, open_stream: Open, engine: Engine, valkey: redis.Redis, page: int
) -> None:
    with transaction(engine) as session:
        changes = [
            live_events.Change(topic="t", subject_id=str(n), audience=["pty_1"], data={})
            for n in range(page)
        ]
        live_events.announce_all(session, changes, now=dt.datetime(2026, 11, 22, tzinfo=dt.UTC))
    with transaction(engine) as session:
        live_events.number_pending(session, limit=page)
    client = open_stream(hub, last_event_id=0)
    assert client.hears() == opening(0)
    sent = [client.hears() for _ in range(page)]
    assert [text.split(b"\n")[0] for text in sent] == [
        f"id: {n}".encode() for n in range(1, page + 1)
    ]
    publish(engine, valkey, "live", "pty_1")
    assert client.hears().startswith(f"id: {page + 1}\n".encode())


def test_a_stream_ends_when_its_session_has_ended(make_hub: Hubs, open_stream: Open) -> None:
    def signed_out() -> Caller:
        raise UnauthorizedError("The session has ended.")

    hub = make_hub(heartbeat_s=0.01, recheck_s=0.01)
    assert set(open_stream(hub, signed_out)) <= {opening(0), heartbeat(0)}
    eventually(lambda: hub.count() == 0)


def test_a_stream_ends_when_its_caller_has_other_rights_now(
    make_hub: Hubs, open_stream: Open
) -> None:
    promoted = Caller(principal=BUYER.principal, role=Role.SELLER, party_id="pty_1")
    hub = make_hub(heartbeat_s=0.01, recheck_s=0.01)
    assert set(open_stream(hub, lambda: promoted)) <= {opening(0), heartbeat(0)}


def test_rights_are_looked_at_again_and_again(make_hub: Hubs, open_stream: Open) -> None:
    answers = iter([BUYER, BUYER, Caller(principal="party:other", role=Role.BUYER)])
    hub = make_hub(heartbeat_s=0.01, recheck_s=0.01)
    assert len(list(open_stream(hub, lambda: next(answers)))) > 2
    assert not list(answers)


def test_a_stream_stays_open_while_nobody_can_be_asked(make_hub: Hubs, open_stream: Open) -> None:
    asked = threading.Semaphore(0)

    def away() -> Caller:
        asked.release()
        raise OperationalError("SELECT", {}, Exception("the database is away"))

    client = open_stream(make_hub(heartbeat_s=0.01, recheck_s=0.01), away)
    assert client.hears() == opening(0)
    assert all(asked.acquire(timeout=10) for _ in range(3))
    assert [client.hears() for _ in range(10)] == [heartbeat(0)] * 10


def test_a_slow_client_is_sent_the_rest_in_order_when_it_reads_again() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        stream = Stream(BUYER, ours, lambda: BUYER)
        stream.go_live(0)
        frames = [Frame(n, b"%05d" % n + b"." * 1000) for n in range(1, 100)]
        for frame in frames:
            stream.tell(frame)
        assert stream.is_behind
        heard = b""
        while len(heard) < 99 * 1005:
            heard += theirs.recv(10_000)
            stream.catch_up()
        assert heard == b"".join(frame.text for frame in frames)
        stream.end()


def test_a_client_that_does_not_read_is_cut_off() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = Stream(BUYER, ours, lambda: BUYER)
        stream.go_live(0)
        told = 0
        while not stream.ended:
            told += 1
            stream.tell(Frame(told, b"." * 10_000))
        assert told * 10_000 < BACKLOG_BYTES + 2_000_000  # what the system's buffers take besides
        theirs.settimeout(10)
        while theirs.recv(1_000_000):
            pass


def test_a_client_that_hung_up_is_noticed_and_its_place_given_back(
    make_hub: Hubs, open_stream: Open
) -> None:
    hub = make_hub(heartbeat_s=0.05)
    client = open_stream(hub)
    assert is_open(hub, client)
    assert hub.count() == 1
    client.socket.close()
    eventually(lambda: hub.count() == 0)


def test_streams_are_limited_for_each_principal_and_a_place_is_given_back(hub: StreamHub) -> None:
    streams = [hub.join(BUYER, None, lambda: BUYER) for _ in range(STREAMS_PER_PRINCIPAL)]
    with pytest.raises(TooManyRequestsError):
        hub.join(BUYER, None, lambda: BUYER)
    hub.leave(streams[0])
    hub.leave(streams[0])
    hub.join(BUYER, None, lambda: BUYER)
    assert hub.count() == STREAMS_PER_PRINCIPAL


def test_streams_of_a_process_are_limited(hub: StreamHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.stream_hub.STREAMS", 2)
    callers = [Caller(principal=f"key:{n}", role=Role.SUPPORT) for n in range(3)]
    for caller in callers[:2]:
        hub.join(caller, None, lambda: BUYER)
    with pytest.raises(TooManyRequestsError):
        hub.join(callers[2], None, lambda: BUYER)


def test_a_caller_who_may_see_nothing_is_told_nothing(
    hub: StreamHub, engine: Engine, valkey: redis.Redis
) -> None:
    nobody = Caller(principal="party:", role=Role.BUYER, party_id=None)
    stream = hub.join(nobody, None, lambda: nobody)
    assert hub.go_live(stream, 0)
    publish(engine, valkey, "to nobody in particular", "")
    announce(engine, "public")
    eventually(lambda: hub.position == 1)
    assert stream.position == 0


def test_closing_ends_all_streams_also_those_that_come_later(
    hub: StreamHub, open_stream: Open
) -> None:
    early = open_stream(hub)
    assert is_open(hub, early)
    hub.close()
    assert list(early) == []
    assert list(open_stream(hub)) == [opening(0)]
    eventually(lambda: hub.count() == 0)
