"""One HTTP request and its answer, bounded in size and time, and sent once.

Whether to repeat a call is decided by whoever knows its row.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import certifi
import urllib3

from payments.telemetry.outgoing_call import OutgoingCall, http_call

_IDLE_CONNECTIONS = 32
_CHUNK = 65_536


class NoAnswerError(Exception):
    """There was no answer, or none that may be read. Says neither what was sent nor where to."""


@dataclass(frozen=True)
class HttpAnswer:
    """An answer as it came; `headers` ignores case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Exchange:
    """Sends requests over connections that threads share; they open on first use."""

    def __init__(
        self,
        *,
        whose: str = "other",
        connect_timeout_s: float = 3,
        read_timeout_s: float = 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._whose = whose
        self._read_timeout_s = read_timeout_s
        self._clock = clock
        self._pool = urllib3.PoolManager(
            maxsize=_IDLE_CONNECTIONS,
            timeout=urllib3.Timeout(connect=connect_timeout_s, read=read_timeout_s),
            retries=False,
            cert_reqs="CERT_REQUIRED",
            ca_certs=certifi.where(),
        )

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        size_max: int,
        call: OutgoingCall | None = None,
    ) -> HttpAnswer:
        """Return the answer; a redirect is an answer too, and not followed.

        `call` says what this is counted as, where the URL does not.

        Raises:
            NoAnswerError: there was none in time, or it has more than `size_max` bytes.
        """
        with call or http_call(self._whose, method, url) as counted:
            answer = self._send(method, url, headers, body, size_max)
            counted.answered(answer.status)
            return answer

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, size_max: int
    ) -> HttpAnswer:
        give_up_at = self._clock() + 2 * self._read_timeout_s
        try:
            answer = self._pool.request(
                method,
                url,
                headers={**headers, "Accept-Encoding": "identity"},
                body=body,
                redirect=False,
                preload_content=False,
            )
            try:
                read = self._read(answer, size_max=size_max, give_up_at=give_up_at)
            except BaseException:
                answer.close()
                raise
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NoAnswerError(type(error).__name__) from None
        return HttpAnswer(answer.status, answer.headers, read)

    def _read(self, answer: urllib3.BaseHTTPResponse, *, size_max: int, give_up_at: float) -> bytes:
        """Read piece by piece: one that drips would else come in under every time-out."""
        pieces: list[bytes] = []
        size = 0
        while piece := answer.read1(_CHUNK):
            size += len(piece)
            if size > size_max:
                raise NoAnswerError("too long")
            if self._clock() > give_up_at:
                raise NoAnswerError("too slow")
            pieces.append(piece)
        return b"".join(pieces)
