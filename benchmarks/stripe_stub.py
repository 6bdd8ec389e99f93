"""A Stripe that only makes payment intents, after some wait, and tells how long it took.

Run as `python -m benchmarks.stripe_stub PORT WAIT_MS`, a process of its own. What it took stands in
the intent's id, so that each request's own time is its whole time less this.
"""

import itertools
import json
import random
import sys
import time
from typing import BinaryIO

import gevent
from gevent import socket
from gevent.server import StreamServer

from sandbox.home import ROOT

_SHAPES = ROOT / "tests" / "sandbox" / "stripe" / "data" / "fixtures3.json"


def main() -> None:
    """Serve until killed."""
    port, wait_s = int(sys.argv[1]), int(sys.argv[2]) / 1000
    intent = json.loads(_SHAPES.read_text())["resources"]["payment_intent"]
    numbers = itertools.count()

    def serve(client: socket.socket, _address: object) -> None:
        with client.makefile("rb") as requests:
            while first := requests.readline():
                begun = time.perf_counter()
                _read_rest(requests)
                if first.startswith(b"POST"):
                    # Not all the same: callers would stay in step and always come at once.
                    gevent.sleep(wait_s * random.uniform(0.5, 1.5))
                took_us = int((time.perf_counter() - begun) * 1e6)
                intent_id = f"pi_{next(numbers):08d}x{took_us:010d}"
                made = intent | {"id": intent_id, "client_secret": f"{intent_id}_secret_{'x' * 24}"}
                client.sendall(_answer(json.dumps(made).encode()))

    StreamServer(("127.0.0.1", port), serve).serve_forever()


def _read_rest(request: BinaryIO) -> None:
    """Read the headers and the body."""
    length = 0
    while (line := request.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    request.read(length)


def _answer(body: bytes) -> bytes:
    """Return an answer in one piece: in two, the second would wait for the first's receipt."""
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


if __name__ == "__main__":
    main()
