"""Opens an event stream as a browser does, and says what came of it, and when."""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

CONNECT_S = 5.0
_LINE_LIMIT = 65_536


class ProbeError(Exception):
    """Nobody answered, or not as a web server does; the text says what happened."""


@dataclass
class Probe:
    """A stream being opened at `url`, such as https://pay.example.com, with some headers."""

    url: str
    headers: Mapping[str, str]
    answered: http.client.HTTPResponse | None = None
    _connection: http.client.HTTPConnection | None = None
    _fields: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        if self.answered is not None:
            self.answered.close()
        if self._connection is not None:
            self._connection.close()

    def open(self, path: str, *, wait_s: float) -> http.client.HTTPResponse | None:
        """Ask, and return the answer's head; None when it does not come in time.

        Raises:
            ProbeError: there is nobody.
        """
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        made = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = made(parts.hostname or "", parts.port, timeout=CONNECT_S)
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-cache", **self.headers}
        try:
            self._connection.connect()
            self._connection.sock.settimeout(wait_s)
            self._connection.request("GET", parts.path.rstrip("/") + path, headers=headers)
            self.answered = self._connection.getresponse()
        except TimeoutError:
            return None
        except (OSError, http.client.HTTPException) as error:
            raise ProbeError(f"{type(error).__name__}: {error}") from error
        return self.answered

    def next_event(self, *, wait_s: float) -> tuple[str, Any] | None:
        """Return the next frame's name and data; an empty name for one without an event.

        None when none is complete in time, or the stream is over.
        """
        give_up = time.monotonic() + wait_s
        while (left := give_up - time.monotonic()) > 0:
            line = self._line(left)
            if line is None:
                return None
            if line:
                name, _, value = line.partition(":")
                self._fields[name] = value.strip()
                continue
            fields, self._fields = self._fields, {}
            if fields:
                return fields.get("event", ""), json.loads(fields.get("data", "null"))
        return None

    def _line(self, wait_s: float) -> str | None:
        """Return a line without its end; None when none comes in time."""
        # The connection is closed by http.client once the answer says so; its file is not.
        source = self.answered.fp if self.answered is not None else None
        if source is None:
            return None
        source.raw._sock.settimeout(wait_s)  # type: ignore[attr-defined] # noqa: SLF001 - http.client offers no other way
        try:
            line = self.answered.readline(_LINE_LIMIT) if self.answered else b""
        except (OSError, ValueError):
            return None
        return line.decode("utf-8", "replace").rstrip("\r\n") if line else None
