"""`strongroom metrics`: what Prometheus reads, once or served on a port, where no web runs."""

import socketserver
import threading
from collections.abc import Callable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import click
from flask.cli import AppGroup

from payments.overview.scrape import CONTENT_TYPE, scrape
from web.commands.output import json_option, print_json, print_told
from web.parts import Parts, current_parts

metrics = AppGroup("metrics", help="Show or serve what Prometheus reads.")

_QUIET_S = 10


@metrics.command()
@json_option
def show(*, as_json: bool) -> None:
    """Print all metrics, as Prometheus reads them."""
    text = _read(current_parts()).decode()
    if not as_json:
        click.echo(text, nl=False)
        return
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    print_json([{"sample": sample, "value": value} for sample, _, value in lines])


@metrics.command()
@json_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=9464, show_default=True, type=click.IntRange(0, 65535))
def serve(*, as_json: bool, host: str, port: int) -> None:
    """Serve `/metrics` until stopped, on a machine of workers or relays.

    Anybody who reaches the port reads them: let it be Prometheus alone.
    """
    with serving(current_parts(), host=host, port=port) as server:
        url = f"http://{host}:{server.server_port}/metrics"
        print_told(url, {"url": url}, as_json=as_json)
        server.serve_forever()


def serving(parts: Parts, *, host: str, port: int) -> WSGIServer:
    """Return a server of the metrics, which listens and answers when it is told to serve."""
    lock = threading.Lock()

    def answer(environ: dict[str, object], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] != "/metrics" or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"There is /metrics.\n"]
        with lock:  # one reading at a time, however many ask
            body = _read(parts)
        start_response("200 OK", [("Content-Type", CONTENT_TYPE)])
        return [body]

    return make_server(host, port, answer, server_class=_Server, handler_class=_Quiet)


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = _QUIET_S

    def log_message(self, *_: object) -> None:
        """Write no line for each scrape."""


def _read(parts: Parts) -> bytes:
    folder = parts.settings.telemetry.metrics_folder
    return scrape(parts.overview, folder, now=parts.now())
