"""What the shop's server calls, with the answers a test wants."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self


class FakeStrongroom:
    """An HTTP server: parties are made as asked for, all else is answered as the test says."""

    def __init__(self) -> None:
        self._shown: dict[str, dict[str, Any]] = {}
        self._answers: dict[str, tuple[int, dict[str, Any]]] = {}
        self._asked: list[tuple[str, dict[str, Any]]] = []
        strongroom = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shown = strongroom._shown.get(self.path)
                self.answer(*((404, {"code": "not_found"}) if shown is None else (200, shown)))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                strongroom._asked.append((self.path, body))
                party = {"id": body["reference"].replace("sandbox-", "pty_")}
                self.answer(*strongroom._answers.get(self.path, (201, party)))

            def answer(self, status: int, body: dict[str, Any]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def shows(self, path: str, body: dict[str, Any]) -> None:
        """Let a resource be read."""
        self._shown[path] = body

    def answers(self, path: str, status: int, body: dict[str, Any]) -> None:
        """Let a POST be answered so."""
        self._answers[path] = (status, body)

    def asked(self, path: str) -> list[dict[str, Any]]:
        """Return what was posted to a path so far."""
        return [body for at, body in self._asked if at == path]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
