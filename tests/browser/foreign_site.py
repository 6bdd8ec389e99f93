"""Sites of somebody else on this machine, whose pages try what they should not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class ForeignSite:
    """A page at two addresses: one origin beside ours on the same site, one of another site."""

    port: int
    page: str = "<!doctype html><title>Elsewhere</title><p>Elsewhere</p>"
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for: what a page of ours should never do."""

    @property
    def beside_us(self) -> str:
        """Same host, other port: cookies come along, since ports are no part of a site."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def elsewhere(self) -> str:
        """Another host: another site altogether."""
        return f"http://localhost:{self.port}"


@contextmanager
def foreign_site() -> Iterator[ForeignSite]:
    """Serve the page, and a script that says that it has run."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            is_script = self.path.endswith(".js")
            body = "window.foreignScriptRan = true;" if is_script else site.page
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    site = ForeignSite(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()
