"""One connection to one checked address, with a limit on the time and the bytes of an answer."""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from payments.outgoing.addresses import IPAddress
from payments.outgoing.targets import Target

LONGEST_HEAD = 65_536
"""Bytes read of one answer at most, its headers and what of its body is looked at."""


class Wire:
    """A socket, as http.client wants it; every wait on it ends at one moment.

    A time-out of the socket's own begins anew with each byte, so a receiver that drips would hold
    a caller for hours.
    """

    def __init__(self, plain: socket.socket, *, clock: Callable[[], float]) -> None:
        self._socket = plain
        self._clock = clock
        self._ends_at = 0.0
        self._left = 0

    def begin(self, *, timeout_s: float) -> None:
        """Give the next request and its answer so many seconds."""
        self._ends_at = self._clock() + timeout_s
        self._left = LONGEST_HEAD

    def sendall(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            TimeoutError: the time is over.
        """
        self._socket.settimeout(self._remaining())
        self._socket.sendall(data)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return what reads an answer."""
        return io.BufferedReader(_Reading(self))

    def receive_into(self, buffer: Any) -> int:
        """Receive some bytes; 0 at the end.

        Raises:
            TimeoutError: the time is over.
            http.client.HTTPException: so much is no answer to a notice.
        """
        self._socket.settimeout(self._remaining())
        count = self._socket.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise http.client.HTTPException("too long")
        return count

    def is_quiet(self) -> bool:
        """Whether the other end neither hung up nor said anything without being asked."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _remaining(self) -> float:
        remaining = self._ends_at - self._clock()
        if remaining <= 0:
            raise TimeoutError
        return remaining


class _Reading(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._wire.receive_into(buffer)


class Connection(http.client.HTTPConnection):
    """A connection to `address`, for a target whose name is in its Host, SNI and certificate."""

    def __init__(
        self,
        target: Target,
        address: IPAddress,
        *,
        tls: ssl.SSLContext,
        connect_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.default_port = 443 if target.is_encrypted else 80
        super().__init__(target.host, target.port)
        self._target = target
        self._address = address
        self._tls = tls
        self._connect_timeout_s = connect_timeout_s
        self._clock = clock
        self.opened_at = clock()
        self.wire: Wire | None = None

    def connect(self) -> None:
        """Connect to the address and to no other, and see the certificate of the name.

        Raises:
            OSError: it cannot be reached, or is not who it should be.
        """
        plain = socket.create_connection(
            (str(self._address), self._target.port), timeout=self._connect_timeout_s
        )
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._target.is_encrypted:
                plain = self._tls.wrap_socket(plain, server_hostname=self._target.host)
        except BaseException:
            plain.close()
            raise
        self.wire = Wire(plain, clock=self._clock)
        self.sock = self.wire  # what http.client uses of a socket
