"""A request's body that must arrive in time, however many bytes come one by one."""

import time
from typing import Any

import gevent
from werkzeug.exceptions import RequestTimeout


class TimedBody:
    """Reads a body of gunicorn's until a deadline; `failed` says that it was missed."""

    def __init__(self, body: Any, *, within_s: float) -> None:
        self._body = body
        self._until_s = time.monotonic() + within_s
        self.failed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def read(self, *size: int) -> bytes:
        """Return what came.

        Raises:
            RequestTimeout: the rest did not come in time.
        """
        try:
            with gevent.Timeout(max(self._until_s - time.monotonic(), 0.001), RequestTimeout):
                data: bytes = self._body.read(*size)
        except RequestTimeout:
            self.failed = True
            raise
        return data
