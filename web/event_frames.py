"""Server-sent events as bytes, after https://html.spec.whatwg.org/#event-stream-interpretation."""

import json
from dataclasses import dataclass

from payments.delivery.live_events import NumberedEvent

RETRY_MS = 2_000


@dataclass(frozen=True)
class Frame:
    """An event ready to be sent."""

    position: int
    text: bytes


def frame_of(event: NumberedEvent) -> Frame:
    """Return an event as a frame: its position is the id that a browser comes back with."""
    data = json.dumps(event.data, separators=(",", ":"), ensure_ascii=False)
    text = f"id: {event.position}\nevent: {event.topic}\ndata: {data}\n\n"
    return Frame(event.position, text.encode())


def opening(position: int) -> bytes:
    """Return what a stream begins with: where it stands, and how soon to come back."""
    return f"retry: {RETRY_MS}\nid: {position}\n\n".encode()


def heartbeat(position: int) -> bytes:
    """Return a sign of life; no event, but the browser notes how far it has been told."""
    return f": still here\nid: {position}\n\n".encode()


def come_back(*, wait_s: int) -> bytes:
    """Return what a browser is sent instead of a stream: when to ask again."""
    return f": not now\nretry: {wait_s * 1000}\n\n".encode()
