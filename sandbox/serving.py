"""Serves a Flask app on 127.0.0.1, quietly, from threads of this process."""

import signal
import threading

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

_STOP_WITHIN_S = 0.05
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


class _QuietConnection(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: request lines carry client secrets."""


class LoopbackServer:
    """An HTTP server on 127.0.0.1; port 0 takes any free port."""

    def __init__(self, app: Flask, *, port: int = 0) -> None:
        self._server = make_server(
            "127.0.0.1", port, app, threaded=True, request_handler=_QuietConnection
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_STOP_WITHIN_S,), name="http"
        )

    @property
    def url(self) -> str:
        """The address it answers on."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Answer requests, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more requests."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def hold_stop_signals() -> None:
    """Keep SIGTERM and SIGINT waiting for `wait_for_stop`; call it before any thread starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def wait_for_stop() -> None:
    """Return when this process is asked to stop."""
    signal.sigwait(STOP_SIGNALS)
