"""What an attack is after: a server that counts who calls, and a file that everybody may read."""

import contextlib
import ctypes
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError

from payments.documents import weasyprint_child
from payments.documents.markup import without_meta
from payments.documents.renderer import Renderer, RenderingError
from payments.documents.weasyprint_renderer import find_weasyprint
from payments.documents.wkhtmltopdf import Wkhtmltopdf, find_wkhtmltopdf

MARK = "LEAKED-CONTENT"


def landlock_is_here() -> bool:
    """Whether this kernel hides files from a process that asks for it."""
    return sys.platform == "linux" and int(ctypes.CDLL(None).syscall(444, None, 0, 1)) > 0


class Listener:
    """Takes connections on the loopback interface, answers each with a page, and counts them."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(2)
                    self.requests.append(connection.recv(4096))
                    body = f"<p>{MARK}</p>".encode()
                    connection.sendall(
                        b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
                        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
                    )

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()


@pytest.fixture
def listener() -> Iterator[Listener]:
    running = Listener()
    yield running
    running.close()


@pytest.fixture
def open_file() -> Iterator[Path]:
    """A file that the user the renderer becomes may read: only the renderer's locks protect it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / "page.html"
        file.write_text(f"<p>{MARK}</p>")
        file.chmod(0o644)
        yield file


@pytest.fixture
def wkhtmltopdf() -> Wkhtmltopdf:
    found = find_wkhtmltopdf()
    if found is None:
        pytest.skip("wkhtmltopdf is not installed")
    return found


class FetcherAlone:
    """WeasyPrint in this very process, without the child's locks: only its fetcher is there.

    It is what most attacks are tried on, as it holds alone, and starting a child takes longer.
    """

    name = "WeasyPrint without a child"

    def render(self, html: str, *, title: str) -> bytes:
        fonts = FontConfiguration()
        try:
            return weasyprint_child.set_page(without_meta(html), title=title, fonts=fonts)
        except FatalURLFetchingError as error:
            raise RenderingError(str(error)) from error


@pytest.fixture(params=["wkhtmltopdf", "weasyprint"])
def attacked(request: pytest.FixtureRequest) -> Renderer:
    """wkhtmltopdf with all its locks, and WeasyPrint without most of them."""
    if request.param == "weasyprint":
        return FetcherAlone()
    locked: Renderer = request.getfixturevalue("wkhtmltopdf")
    return locked


@pytest.fixture(params=["wkhtmltopdf", "weasyprint"])
def renderer(request: pytest.FixtureRequest) -> Renderer:
    """Each renderer that this machine has."""
    found = find_wkhtmltopdf() if request.param == "wkhtmltopdf" else find_weasyprint()
    if found is None:
        pytest.skip(f"{request.param} does not work here")
    return found
