"""One open event stream: the frames it has yet to send, and its client's connection."""

import contextlib
import select
import socket
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from payments.access.caller import Caller
from web.event_frames import Frame

FRAMES_WAITING = 500


@dataclass(eq=False)
class Stream:
    """An open stream; `connection` is the client's socket, where the server gives it."""

    caller: Caller
    connection: socket.socket | None = None
    ended: bool = False
    _frames: SimpleQueue[Frame | None] = field(default_factory=SimpleQueue)

    def offer(self, frame: Frame) -> None:
        """Add a frame; a client that is too slow is cut off, and catches up when it is back."""
        if self._frames.qsize() < FRAMES_WAITING:
            self._frames.put(frame)
        else:
            self.end()
            self._hang_up()

    def take(self, *, timeout_s: float) -> Frame | None:
        """Return the next frame; None when none came in time, or the stream has ended."""
        try:
            return self._frames.get(timeout=max(timeout_s, 0))
        except Empty:
            return None

    def end(self) -> None:
        """Have the stream stop after what it is sending; the same again changes nothing."""
        if not self.ended:
            self.ended = True
            self._frames.put(None)

    def is_abandoned(self) -> bool:
        """Tell whether the client hung up, which a stream with nothing to send does not notice."""
        if self.connection is None:
            return False
        try:
            readable = select.poll()
            readable.register(self.connection, select.POLLIN)
            return bool(readable.poll(0)) and not self.connection.recv(1, socket.MSG_PEEK)
        except ValueError:  # TLS, into which one cannot peek
            return False
        except OSError:
            return True

    def _hang_up(self) -> None:
        """Wake a sender that waits for a client which does not read."""
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
