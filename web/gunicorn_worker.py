"""gunicorn's gevent worker, which does not wait for idle connections when it is asked to stop.

Browsers and load balancers keep connections open between requests; without this, each of them
would hold up a restart until `graceful_timeout`.
"""

import contextlib
import resource
from collections.abc import Iterator
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

_LAST_WAIT_S = 1
_TURN_S = 0.001  # a fan-out to thousands of streams looks for other requests this often
_QUIETLY: Any = False  # gevent leaves the block without an exception


class Worker(GeventWorker):  # type: ignore[misc] # gunicorn has no types
    """Knows which connections wait for their next request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle: set[Any] = set()

    def init_process(self) -> None:
        """Set what holds for the whole process, then serve."""
        from web.gevent_waiting import wait_in_greenlets  # noqa: PLC0415 - as below

        wait_in_greenlets()
        gevent.setswitchinterval(_TURN_S)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # every open stream is a file
        super().init_process()

    def is_already_handled(self, respiter: Any) -> bool:
        """Let go of a connection that was handed over: the next bytes on it are not ours."""
        if super().is_already_handled(respiter):
            raise StopIteration
        return False

    @contextlib.contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """Wait for a request as long as `keepalive` says; gunicorn calls this around the wait."""
        connection = gevent.getcurrent()
        self._idle.add(connection)
        try:
            with gevent.Timeout(self.cfg.keepalive if self.alive else _LAST_WAIT_S, _QUIETLY):
                yield
        finally:
            self._idle.discard(connection)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer a request whose body has as long to come as its headers had."""
        from web.timed_body import TimedBody  # noqa: PLC0415 - as above

        plain = req.body
        req.body = timed = TimedBody(plain, within_s=self.cfg.keepalive)
        try:
            super().handle_request(listener_name, req, sock, addr)
        finally:
            req.body = plain
        if timed.failed:
            raise StopIteration  # where the next request would begin is unknown

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what is no request; whatever else went wrong, gunicorn answers and logs.

        Not with the query, in which staff search for e-mails and names.
        """
        from web.gunicorn_refusals import is_callers_fault, refuse  # noqa: PLC0415 - as above

        if not is_callers_fault(exc):
            if req is not None:
                req.uri = req.uri.partition("?")[0]
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("request_not_readable: %s", type(exc).__name__)
        with contextlib.suppress(OSError):  # who sends this may be gone already
            refuse(client)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop taking requests, and close the connections that have none (SIGTERM)."""
        super().handle_exit(sig, frame)
        gevent.spawn(self._close_idle)

    def _close_idle(self) -> None:
        from web.streams import end_streams  # noqa: PLC0415 - not before gevent has patched

        if self.booted:
            end_streams(self.wsgi)
        for connection in list(self._idle):
            connection.kill(block=False)
