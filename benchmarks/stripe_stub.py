"""A Stripe that only makes payment intents, after a fixed wait, and tells how long it took.

Run as `python -m benchmarks.stripe_stub PORT WAIT_MS`, a process of its own. What it took stands in
the intent's id, so that each request's own time is its whole time less this.
"""

import itertools
import json
import sys
import time
from collections.abc import Iterator

import gevent
from gevent.pywsgi import WSGIServer

from sandbox.home import ROOT

_SHAPES = ROOT / "tests" / "sandbox" / "stripe" / "data" / "fixtures3.json"
_numbers = itertools.count()


def _answer(intent: dict[str, object], wait_s: float, begun: float) -> bytes:
    gevent.sleep(wait_s)
    took_us = int((time.perf_counter() - begun) * 1e6)
    intent_id = f"pi_{next(_numbers):08d}x{took_us:010d}"
    made = intent | {"id": intent_id, "client_secret": f"{intent_id}_secret_{'x' * 24}"}
    return json.dumps(made).encode()


def main() -> None:
    """Serve until killed."""
    port, wait_ms = int(sys.argv[1]), int(sys.argv[2])
    intent = json.loads(_SHAPES.read_text())["resources"]["payment_intent"]

    def application(environ: dict[str, object], start_response: object) -> Iterator[bytes]:
        begun = time.perf_counter()
        environ["wsgi.input"].read()  # type: ignore[attr-defined] # WSGI's
        body = _answer(intent, wait_ms / 1000, begun)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)  # type: ignore[operator] # WSGI's
        return iter([body])

    WSGIServer(("127.0.0.1", port), application, log=None).serve_forever()


if __name__ == "__main__":
    main()
