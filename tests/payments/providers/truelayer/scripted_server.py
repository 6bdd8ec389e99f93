"""A TrueLayer for tests: over real HTTP it says what a test wants, and keeps what it heard."""

import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from payments.bank_settings import TrueLayerSettings
from tests.payments.providers.truelayer.keys import Key

ACCOUNTS = {"EUR": "acc-eur", "GBP": "acc-gbp"}
SECRET = "the-client-secret"


@dataclass(frozen=True)
class Heard:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    client: object = None

    @property
    def content(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Say:
    """An answer; with `hang_up` there is none. `drip`: bytes sent singly, for ever."""

    status: int = 200
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False
    drip: bool = False


Answer = Say | Callable[[Heard], Say]


def problem(status: int, kind: str, **more: Any) -> Say:
    """An error as TrueLayer's API tells it."""
    told = {"type": f"https://docs.truelayer.com/docs/error-types#{kind}", "status": status}
    return Say(status, {**told, "detail": "Ada Payer did wrong.", "trace_id": "2dcda7", **more})


class ScriptedServer:
    """Answers by what `script` says for a method and path; the last answer of a list stays."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.script: dict[tuple[str, str], list[Answer]] = {}
        self.signing_key = Key("our-key")
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        scripted = self

        class Answering(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                scripted.answer(self)

            def do_POST(self) -> None:
                scripted.answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._server.daemon_threads = True
        self.says("POST", "/connect/token", token("token-1"))

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def jwks_url(self) -> str:
        """Where its keys are."""
        return f"{self.url}/.well-known/jwks"

    def settings(self) -> TrueLayerSettings:
        """Return what leads the adapter to it."""
        return TrueLayerSettings(
            client_id="client-1",
            client_secret=SECRET,
            signing_key=self.signing_key.pem,
            signing_key_id=self.signing_key.kid,
            merchant_accounts=ACCOUNTS,
            api_url=self.url,
            auth_url=self.url,
            page_url="https://payment.example",
            jwks_url=self.jwks_url,
        )

    def says(self, method: str, path: str, *answers: Answer) -> None:
        """From now on answer so, one after the other."""
        self.script[method, path] = list(answers)

    def calls(self, method: str, path: str) -> list[Heard]:
        """Return what was asked of one place."""
        return [one for one in self.heard if (one.method, one.path) == (method, path)]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        address = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        heard = Heard(
            handler.command,
            address.path,
            parse_qs(address.query),
            dict(handler.headers),
            body,
            handler.client_address,
        )
        with self._lock:
            self.heard.append(heard)
            answers = self.script.get((heard.method, heard.path), [problem(404, "not-found")])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        said = answer if isinstance(answer, Say) else answer(heard)
        if said.hang_up:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        content = said.content if isinstance(said.content, bytes) else json.dumps(said.content)
        raw = content if isinstance(content, bytes) else content.encode()
        handler.send_response(said.status)
        for name, value in said.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(10**6 if said.drip else len(raw)))
        handler.end_headers()
        with suppress(ConnectionError):  # whoever asked may be gone
            while said.drip and not self.stopped.wait(0.02):
                handler.wfile.write(b" ")
            handler.wfile.write(raw)

    def __enter__(self) -> Self:
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()


def token(text: str, *, expires_in: Any = 3600) -> Say:
    """An access token."""
    return Say(content={"access_token": text, "expires_in": expires_in, "token_type": "Bearer"})
