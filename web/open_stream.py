"""One open event stream: its client's connection, and what the client has yet to take from us."""

import contextlib
import math
import socket
from collections.abc import Callable
from dataclasses import dataclass

from gevent.monkey import get_original

from payments.access.caller import Caller
from web.event_frames import Frame, heartbeat

BACKLOG_BYTES = 256 * 1024
_AT_ONCE = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_Socket: type[socket.socket] = get_original("socket", "socket")


@dataclass(eq=False, slots=True)
class Stream:
    """An open stream: first its request's greenlet writes to it; once live, the hub does.

    `connection` is the client's socket, where the server gives it; `recheck` returns who the same
    credential names now; `position` is how far a live stream has been told.
    """

    caller: Caller
    connection: socket.socket | None
    recheck: Callable[[], Caller]
    position: int = 0
    live: bool = False
    ended: bool = False
    slot: int = 0
    check_at_s: float = math.inf
    _backlog: bytes = b""

    def go_live(self, position: int) -> None:
        """Take the connection from its request, which is over then: from now on nothing waits."""
        if self.connection is not None:
            self.connection = _Socket(fileno=self.connection.detach())
            self.connection.settimeout(0)
        self.position = position
        self.live = True

    @property
    def is_behind(self) -> bool:
        """Whether something is left to send that the connection did not take."""
        return bool(self._backlog)

    def tell(self, frame: Frame) -> None:
        """Send an event, unless it has been sent."""
        if frame.position > self.position:
            self.position = frame.position
            self._send(frame.text)

    def show_life(self, position: int) -> None:
        """Send a heartbeat; `position` says up to where all streams have been told."""
        if self.is_abandoned():
            self.end()
        elif not self._backlog:
            self.position = max(self.position, position)
            self._send(heartbeat(self.position))

    def catch_up(self) -> None:
        """Send what was left, as far as the connection takes it."""
        left, self._backlog = self._backlog, b""
        self._send(left)

    def end(self) -> None:
        """End the stream; the same again changes nothing. Its client comes back and catches up."""
        if self.ended:
            return
        self.ended, self._backlog = True, b""
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            if self.live:  # else the request closes it
                self.connection.close()

    def is_abandoned(self) -> bool:
        """Tell whether the client hung up, which a stream with nothing to send does not notice."""
        if self.connection is None or self.ended:
            return self.ended
        if not self.live:
            return self.connection.fileno() < 0
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _send(self, data: bytes) -> None:
        """Send without waiting; a client that is too slow or gone is cut off."""
        if self.connection is None or self.ended:
            return
        try:
            sent = 0 if self._backlog else self.connection.send(data, _AT_ONCE)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.end()
            return
        if sent < len(data):
            self._backlog += data[sent:]
            if len(self._backlog) > BACKLOG_BYTES:
                self.end()
