"""Tries live updates as a browser would, and says who is at fault when they do not come.

An event of its own goes the whole way: written, numbered by the relay, published through Redis,
heard by web, sent down a stream that was opened with a session of its own.
"""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Literal

import redis
from redis.client import PubSub
from sqlalchemy import Engine, func, select

from payments.access.caller import Caller, Role
from payments.access.sessions import end_session, start_session
from payments.audit.deed import note_subjects
from payments.database import transaction
from payments.delivery import live_events
from payments.delivery.redis_channels import channel
from payments.delivery.tables import LiveEvent
from payments.identifiers import new_id
from payments.secret_versions.kinds import Kind
from payments.secret_versions.source import to_make_with
from web.parts import Parts
from web.stream_probe import Probe, ProbeError

Fault = Literal["web", "cors", "cookie", "proxy", "redis", "relay"]
PATH, TOPIC = "/api/events", "stream.tested"
FIRST_BYTES_S = 4.0
EVENT_S = 9.0
"""Without Redis, web looks into PostgreSQL after five seconds of silence."""

RELAY_S = 5.0
REDIS_S = 2.0
_POLL_S = 0.05
_OK, _UNAUTHORIZED, _FORBIDDEN = 200, 401, 403
_ELSEWHERE = frozenset({301, 302, 307, 308})
_OVERTAKEN = 1000
"""Rows of transactions that began before ours may get their ids after it."""

ADVICE: dict[Fault, str] = {
    "web": "Look at the web processes and their log; restart them.",
    "cors": "Put the page's origin, exactly, into TRUSTED_ORIGINS, and restart web.",
    "cookie": "Let the proxy pass Cookie on, unchanged; the page must be of the same site as the"
    " API, open its EventSource with credentials, and sign in first.",
    "proxy": "Switch buffering and compression off for /api/events, and let a silent connection"
    " live for 30 s and more.",
    "redis": "Look at Redis: until it is back, pages hear everything some seconds late.",
    "relay": "Start the relay, and look at its log: nothing is told before it has numbered it.",
}
NOT_OPENED = (
    "Nobody is at fault so far, but no stream was opened: web leads this address to another. Try"
    " the one that browsers use: `strongroom events test --url https://…`, or set CONSOLE_URL."
)


@dataclass(frozen=True)
class Step:
    """One thing that was tried; `took_s` in seconds."""

    name: str
    outcome: Literal["ok", "failed", "skipped"]
    detail: str
    took_s: str


@dataclass
class Tested:
    """What came of it: the first `fault` that was found, or None, and every step."""

    url: str
    party_id: str
    origin: str | None
    fault: Fault | None = None
    steps: list[Step] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)

    @property
    def advice(self) -> str | None:
        """What to do; None when all went well."""
        if self.fault is not None:
            return ADVICE[self.fault]
        return None if all(step.outcome == "ok" for step in self.steps) else NOT_OPENED

    def note(self, name: str, detail: str, fault: Fault | None = None) -> bool:
        """Note a step; return whether it went well. The first fault stands."""
        self._add(name, "ok" if fault is None else "failed", detail)
        self.fault = self.fault or fault
        return fault is None

    def skip(self, name: str, detail: str) -> None:
        """Note a step that could not be tried."""
        self._add(name, "skipped", detail)

    def _add(self, name: str, outcome: Literal["ok", "failed", "skipped"], detail: str) -> None:
        now = time.monotonic()
        self.steps.append(Step(name, outcome, detail, f"{now - self._since:.2f}"))
        self._since = now


def try_streams(
    parts: Parts, *, url: str, party_id: str | None = None, origin: str | None = None
) -> Tested:
    """Open a stream at `url` as a party, or as nobody in particular, and tell what became of it.

    `origin` is of the page that listens, when it is not of the API's own. The session it needs
    ends with it, and nobody is told what it is.
    """
    who = party_id or new_id("pty", now=parts.now())
    tested = Tested(url, who, origin)
    caller = Caller(principal=f"party:{who}", role=Role.BUYER, party_id=who)
    now = parts.now()
    with transaction(parts.engine) as session:
        note_subjects([who])  # as whom somebody signed in stands in the audit log
        key = to_make_with(parts.secrets, Kind.SESSION_KEY, now=now)
        value = start_session(session, caller, key=key, now=now)
    try:
        _try(parts, tested, cookie=value)
    finally:
        with transaction(parts.engine) as session:
            keys = parts.secrets.of(Kind.SESSION_KEY, now=parts.now())
            end_session(session, value, keys=keys, now=parts.now())
    return tested


def _try(parts: Parts, tested: Tested, *, cookie: str) -> None:
    name = "strongroom_session" if parts.settings.is_sandbox else "__Host-strongroom_session"
    headers = {"Cookie": f"{name}={cookie}"}
    if tested.origin is not None:
        headers["Origin"] = tested.origin
    with Probe(tested.url, {}) as alive, Probe(tested.url, headers) as probe:
        if not _is_alive(alive, tested):
            return
        is_open = not _leads_elsewhere(alive, tested) and _opens(probe, tested)
        with _subscription(parts) as subscription:
            word = new_id("evt", now=parts.now())
            before = _announce(parts.engine, tested.party_id, word, now=parts.now())
            is_numbered = _is_numbered(parts.engine, word, before, tested)
            if is_numbered:
                _is_published(subscription, word, tested)
        if is_open and is_numbered:
            _arrives(probe, word, tested)


def _is_alive(probe: Probe, tested: Tested) -> bool:
    try:
        answer = probe.open("/healthz", wait_s=FIRST_BYTES_S)
    except ProbeError as error:
        return tested.note("web answers", str(error), "web")
    if answer is None or answer.status not in {_OK, *_ELSEWHERE}:
        said = "nothing in time" if answer is None else f"{answer.status}"
        return tested.note("web answers", f"GET /healthz: {said}", "web")
    return tested.note("web answers", f"GET /healthz: {answer.status}")


def _leads_elsewhere(probe: Probe, tested: Tested) -> bool:
    """Tell whether web sends callers of this address away, as it does to HTTPS in production.

    A browser would follow; a probe that has a session with it does not.
    """
    answer = probe.answered
    if answer is None or answer.status not in _ELSEWHERE:
        return False
    leads_to = answer.headers.get("Location", "nowhere")
    tested.skip("stream opens", f"not tried: {tested.url} leads to {leads_to}")
    return True


def _opens(probe: Probe, tested: Tested) -> bool:
    try:
        answer = probe.open(PATH, wait_s=FIRST_BYTES_S)
    except ProbeError as error:
        return tested.note("stream opens", str(error), "web")
    if answer is None:
        return tested.note("stream opens", "no answer in time: it is kept back", "proxy")
    if answer.status != _OK:
        return tested.note(*_refusal(answer.status, tested))
    tested.note("cookie arrives", "200")
    if tested.origin is not None and not _may_read(answer.headers, tested):
        return False
    if probe.next_event(wait_s=FIRST_BYTES_S) is None:
        return tested.note("stream opens", "200, and not one byte after it", "proxy")
    return tested.note("stream opens", "its first bytes came at once")


def _refusal(status: int, tested: Tested) -> tuple[str, str, Fault]:
    if status == _UNAUTHORIZED:
        return "cookie arrives", "401: the cookie was sent, and did not arrive", "cookie"
    if status == _FORBIDDEN and tested.origin is not None:
        return "origin is trusted", f"403: {tested.origin} is not trusted", "cors"
    return "stream opens", f"GET {PATH}: {status}", "web"


def _may_read(headers: Message, tested: Tested) -> bool:
    get = headers.get
    own = tested.origin == tested.url.rstrip("/")
    allowed = get("Access-Control-Allow-Origin"), get("Access-Control-Allow-Credentials")
    if own or allowed == (tested.origin, "true"):
        return tested.note("origin is trusted", f"{tested.origin} may read it")
    return tested.note("origin is trusted", f"a page of {tested.origin} may not read it", "cors")


@contextmanager
def _subscription(parts: Parts) -> Iterator[PubSub | None]:
    """Listen to what the relay publishes; None when Redis is away."""
    client = redis.Redis.from_url(
        parts.settings.redis_url, socket_timeout=REDIS_S, socket_connect_timeout=REDIS_S
    )
    with closing(client), closing(_pubsub(client)) as heard:
        try:
            heard.subscribe(channel(client, live_events.CHANNEL))
            heard.get_message(timeout=REDIS_S)
        except (redis.RedisError, OSError):
            yield None
            return
        yield heard


def _pubsub(client: redis.Redis) -> PubSub:
    made: PubSub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call] # redis has no type for it
    return made


def _announce(engine: Engine, party_id: str, word: str, *, now: dt.datetime) -> int:
    """Write the event, and return an id of a row that was there before."""
    with transaction(engine) as session:
        before = session.scalar(select(func.max(LiveEvent.id))) or 0
        data = {"id": word}
        live_events.announce(
            session, topic=TOPIC, subject_id=word, audience=[party_id], data=data, now=now
        )
    return int(before)


def _is_numbered(engine: Engine, word: str, before: int, tested: Tested) -> bool:
    found = select(LiveEvent.position).where(LiveEvent.id > before - _OVERTAKEN)
    found = found.where(LiveEvent.subject_id == word)
    give_up = time.monotonic() + RELAY_S
    while time.monotonic() < give_up:
        with transaction(engine) as session:
            if session.scalar(found) is not None:
                return tested.note("relay numbers it", "an event got its number")
        time.sleep(_POLL_S)
    return tested.note("relay numbers it", f"no number within {RELAY_S:.0f} s", "relay")


def _is_published(subscription: PubSub | None, word: str, tested: Tested) -> bool:
    name = "Redis carries it"
    if subscription is None:
        return tested.note(name, "Redis does not answer", "redis")
    give_up = time.monotonic() + REDIS_S
    try:
        while (left := give_up - time.monotonic()) > 0:
            message = subscription.get_message(timeout=left)
            if message and word.encode() in _bytes(message["data"]):
                return tested.note(name, "the relay's word was heard")
    except (redis.RedisError, OSError) as error:
        return tested.note(name, type(error).__name__, "redis")
    return tested.note(name, f"the relay's word was not heard within {REDIS_S:.0f} s", "redis")


def _bytes(data: object) -> bytes:
    return data if isinstance(data, bytes) else str(data).encode()


def _arrives(probe: Probe, word: str, tested: Tested) -> bool:
    give_up = time.monotonic() + EVENT_S
    while (left := give_up - time.monotonic()) > 0:
        found = probe.next_event(wait_s=left)
        if found is None:
            break
        if found[0] == TOPIC and found[1].get("id") == word:
            return tested.note("the event arrives", "it came down the stream")
    detail = "the stream is open, and an event that web was told of does not come down it"
    return tested.note("the event arrives", detail, "web")
