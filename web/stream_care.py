"""What open streams need while nothing happens: signs of life, a second try, a look at rights."""

import itertools
import math
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from sqlalchemy.exc import SQLAlchemyError

from payments.errors import ForbiddenError, UnauthorizedError
from payments.log_lines import get_logger
from web.open_stream import Stream

HEARTBEAT_S = 15.0
RECHECK_S = 40.0  # noticed at the next sign of life: who may listen no more is cut off in a minute
SLOTS = 60
"""Streams take turns in so many slots: they do not all show life at once."""

_log = get_logger(__name__)


class StreamCare:
    """Looks after live streams; `told` says up to where all of them have been told.

    Whoever adds, notes or removes a stream holds `lock`. `leave` forgets a stream that ended, or
    whose credential names somebody else now, or nobody.
    """

    def __init__(
        self,
        *,
        lock: threading.RLock,
        told: Callable[[], int],
        leave: Callable[[Stream], None],
        heartbeat_s: float = HEARTBEAT_S,
        recheck_s: float = RECHECK_S,
    ) -> None:
        self._lock = lock
        self._told = told
        self._leave = leave
        self._heartbeat_s = heartbeat_s
        self._recheck_s = recheck_s
        self._slots: list[set[Stream]] = [set() for _ in range(SLOTS)]
        self._next_slot = itertools.cycle(range(SLOTS))
        self._behind: set[Stream] = set()
        self._to_check: SimpleQueue[Stream | None] = SimpleQueue()

    def add(self, stream: Stream) -> None:
        """Look after a stream from now on."""
        stream.slot = next(self._next_slot)
        stream.check_at_s = time.monotonic() + self._recheck_s
        self._slots[stream.slot].add(stream)

    def remove(self, stream: Stream) -> None:
        """Forget a stream; the same again changes nothing."""
        self._slots[stream.slot].discard(stream)
        self._behind.discard(stream)

    def note_behind(self, stream: Stream) -> None:
        """Try again soon to send what this stream's connection did not take."""
        self._behind.add(stream)

    def show_life(self, closing: threading.Event) -> None:
        """Go round the slots, each once in a heartbeat, until `closing` is set."""
        for slot in itertools.cycle(self._slots):
            if closing.wait(self._heartbeat_s / SLOTS):
                self._to_check.put(None)
                return
            with self._lock:
                self._try_again()
                self._visit(slot)

    def check_rights(self) -> None:
        """Ask for one stream after the other whether it may stay open."""
        while (stream := self._to_check.get()) is not None:
            if not stream.ended and not _still_allowed(stream):
                self._leave(stream)
            stream.check_at_s = time.monotonic() + self._recheck_s

    def _try_again(self) -> None:
        for stream in list(self._behind):
            stream.catch_up()
            if stream.ended:
                self._leave(stream)
            elif not stream.is_behind:
                self._behind.discard(stream)

    def _visit(self, slot: set[Stream]) -> None:
        now_s = time.monotonic()
        for stream in list(slot):
            stream.show_life(self._told())
            if stream.ended:
                self._leave(stream)
            elif stream.is_behind:
                self._behind.add(stream)
            if now_s >= stream.check_at_s:
                stream.check_at_s = math.inf
                self._to_check.put(stream)


def _still_allowed(stream: Stream) -> bool:
    try:
        return stream.recheck() == stream.caller
    except (UnauthorizedError, ForbiddenError):
        return False
    except SQLAlchemyError:
        return True  # nothing can be read now, by us either; asked again in a minute
    except Exception:  # noqa: BLE001 - whoever cannot be checked may not listen
        _log.exception("stream_not_checked")
        return False
