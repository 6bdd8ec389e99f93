"""The port to whatever turns HTML into PDF here; only jobs render, never a request."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from payments.documents.errors import RendererMissingError, RenderingError
from payments.documents.weasyprint_renderer import find_weasyprint
from payments.documents.wkhtmltopdf import find_wkhtmltopdf

__all__ = ["Renderer", "RendererMissingError", "RenderingError", "choose_renderer"]

_RIGHT_TO_LEFT = frozenset(
    {"R", "AL"}
)  # https://www.unicode.org/reports/tr9/#Bidirectional_Character_Types
_FIRST_RIGHT_TO_LEFT = "\u0590"


class Renderer(Protocol):
    """Turns a page that carries all it shows (styles, and pictures as `data:`) into a PDF."""

    @property
    def name(self) -> str:
        """The program and its version, as kept with the file."""

    def render(self, html: str, *, title: str) -> bytes:
        """Return the page as PDF; `title` is the document's, as shown by readers.

        Raises:
            RenderingError: this page cannot be rendered, now or later.
        """


@dataclass(frozen=True)
class ByDirection:
    """Renders with `usual`; pages with right-to-left text with `other`, if that is there.

    wkhtmltopdf's WebKit measures Arabic words wrongly that share a line with others: they stick
    out of their box. `other` is looked for only when it is needed: that takes a second.
    """

    usual: Renderer
    other: Callable[[], Renderer | None]

    @property
    def name(self) -> str:
        """What renders nearly everything."""
        return self.usual.name

    def render(self, html: str, *, title: str) -> bytes:
        """Return the page as PDF.

        Raises:
            RenderingError: this page cannot be rendered, now or later.
        """
        chosen = (self.other() if has_right_to_left(html) else None) or self.usual
        return chosen.render(html, title=title)


def choose_renderer() -> Renderer | None:
    """Return the renderer of this machine: wkhtmltopdf where it is installed, else WeasyPrint."""
    usual = find_wkhtmltopdf()
    return ByDirection(usual, find_weasyprint) if usual else find_weasyprint()


def has_right_to_left(text: str) -> bool:
    """Whether the text has a letter of Hebrew, Arabic or another script written that way."""
    return any(
        unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT
        for letter in set(text)
        if letter >= _FIRST_RIGHT_TO_LEFT
    )
