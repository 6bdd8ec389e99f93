"""WeasyPrint in a child process: where wkhtmltopdf lacks, and for text that it sets badly."""

import functools
import sys
from dataclasses import dataclass, field

from payments.documents.confinement import Limits, run_child
from payments.documents.errors import RenderingError
from payments.documents.markup import plain_title, without_meta

_CHILD = (sys.executable, "-I", "-m", "payments.documents.weasyprint_child")
_SAID_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True)
class WeasyPrint:
    """Renders with the package of that name, which lays out right-to-left text as it should be."""

    name: str
    limits: Limits = field(default_factory=Limits)

    def render(self, html: str, *, title: str) -> bytes:
        """Return the page as PDF.

        Raises:
            RenderingError: it goes beyond a limit, or wants something from outside itself.
        """
        outcome = run_child(
            [*_CHILD, self.limits.as_json(), plain_title(title)],
            without_meta(html).encode("utf-8", "replace"),
            limits=self.limits,
        )
        if outcome.exit_code != 0 or not outcome.output.startswith(b"%PDF-"):
            said = outcome.complaints.strip()[-_SAID_CHARACTERS:]
            raise RenderingError(f"{self.name} ended with {outcome.exit_code}: {said}")
        return outcome.output


@functools.cache
def find_weasyprint() -> WeasyPrint | None:
    """Return the renderer if it works here, locked down; it needs Pango, which may lack."""
    limits = Limits()
    try:
        told = run_child([*_CHILD, limits.as_json()], b"", limits=limits)
    except (OSError, RenderingError):
        return None
    return WeasyPrint(name=told.output.decode()) if told.exit_code == 0 else None
