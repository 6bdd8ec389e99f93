"""The port to whatever turns HTML into PDF here; only jobs render, never a request."""

from typing import Protocol

from payments.documents.errors import RendererMissingError, RenderingError
from payments.documents.wkhtmltopdf import find_wkhtmltopdf

__all__ = ["Renderer", "RendererMissingError", "RenderingError", "choose_renderer"]


class Renderer(Protocol):
    """Turns a page that carries all its styles, fonts' names and pictures (`data:`) into a PDF."""

    @property
    def name(self) -> str:
        """The program and its version, as kept with the file."""

    def render(self, html: str, *, title: str) -> bytes:
        """Return the page as PDF; `title` is the document's, as shown by readers.

        Raises:
            RenderingError: this page cannot be rendered, now or later.
        """


def choose_renderer() -> Renderer | None:
    """Return the renderer of this machine: wkhtmltopdf where it is installed, else WeasyPrint."""
    return find_wkhtmltopdf()
