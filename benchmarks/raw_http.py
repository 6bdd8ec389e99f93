"""A client that costs little: requests made beforehand, sent as they are over raw sockets.

It shares the machine with what it measures, so every microsecond it does not spend is theirs.
"""

import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Sent:
    """What came of a load: each answer and the seconds it took, and the seconds of the whole."""

    latencies_s: list[float] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    took_s: float = 0.0

    @property
    def refused(self) -> list[bytes]:
        """Answers other than 2xx."""
        return [answer for answer in self.answers if not answer.startswith(b"HTTP/1.1 2")]

    @property
    def rate(self) -> float:
        """Requests answered a second."""
        return len(self.latencies_s) / self.took_s

    def percentile_ms(self, share: float) -> float:
        """Return the latency that `share` of the requests stayed under."""
        return percentile_ms(self.latencies_s, share)


def percentile_ms(seconds: Sequence[float], share: float) -> float:
    """Return, in milliseconds, what `share` of these times stay under."""
    ordered = sorted(seconds)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


def request_bytes(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return a POST of `body` (JSON) as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def send_all(port: int, requests: Sequence[bytes], *, connections: int) -> Sent:
    """Send every request, each connection one after the other, and wait for all answers."""
    sent = Sent()
    waiting = iter(requests)
    poll = select.epoll()
    open_now = {one.fileno(): _Connection(one) for one in _connect(port, connections)}
    begun = time.perf_counter()
    for number, connection in open_now.items():
        poll.register(number, select.EPOLLIN)
        connection.send(next(waiting))
    while len(sent.answers) < len(requests):
        for number, _ in poll.poll():
            connection = open_now[number]
            answer = connection.receive()
            if answer is None:
                continue
            sent.latencies_s.append(time.perf_counter() - connection.sent_at)
            sent.answers.append(answer)
            request = next(waiting, None)
            if request is not None:
                connection.send(request)
    sent.took_s = time.perf_counter() - begun
    for connection in open_now.values():
        connection.socket.close()
    return sent


@dataclass
class _Connection:
    socket: socket.socket
    sent_at: float = 0.0
    received: bytes = b""

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Return the answer when it is complete.

        Raises:
            ConnectionError: the server hung up.
        """
        part = self.socket.recv(65_536)
        if not part:
            raise ConnectionError("the server closed a connection")
        self.received += part
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length):
            return None
        answer, self.received = self.received, b""
        return answer


def _connect(port: int, connections: int) -> list[socket.socket]:
    return [socket.create_connection(("127.0.0.1", port), 30) for _ in range(connections)]
