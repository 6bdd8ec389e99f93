"""wkhtmltopdf, by way of pdfkit: old WebKit that fetches what it is told, so it is told nothing.

pdfkit makes the command and reads its errors; the program itself is started locked down and with
limits, which pdfkit cannot do. Each option here closes one way out, and the lock closes it again.
"""

import re
import secrets
import shutil
from dataclasses import dataclass, field

import pdfkit

from payments.documents.confinement import Limits, run_confined
from payments.documents.errors import RenderingError
from payments.documents.markup import is_landscape, page_margins_mm, plain_title, without_meta

PROGRAM = "wkhtmltopdf"
NOWHERE = "http://127.0.0.1:9"  # RFC 863's port, where nothing listens
_TROUBLE = re.compile(r"^(?:Error|Warning|Exit with code).*$", re.MULTILINE)
_NOT_FOUND_TEXT = 300


@dataclass(frozen=True, kw_only=True)
class Wkhtmltopdf:
    """Renders with the program at `path`."""

    path: str
    name: str = PROGRAM
    limits: Limits = field(default_factory=Limits)

    def render(self, html: str, *, title: str) -> bytes:
        """Return the page as PDF.

        Raises:
            RenderingError: it goes beyond a limit, or wants something from outside itself.
        """
        kit = pdfkit.PDFKit(
            f'<!DOCTYPE html><meta charset="utf-8">{without_meta(html)}',
            "string",
            options=_options(html, title=title),
            configuration=pdfkit.configuration(
                wkhtmltopdf=self.path, meta_tag_prefix=f"x{secrets.token_hex(8)}-"
            ),
            verbose=True,  # pdfkit says --quiet otherwise, and hides what was blocked
        )
        outcome = run_confined(
            kit.command(), kit.source.to_s().encode("utf-8", "replace"), limits=self.limits
        )
        trouble = _TROUBLE.findall(outcome.complaints)
        if outcome.exit_code != 0 or trouble:
            said = "; ".join(trouble) or outcome.complaints[-_NOT_FOUND_TEXT:]
            raise RenderingError(f"{PROGRAM} ended with {outcome.exit_code}: {said[:1000]}")
        if not outcome.output.startswith(b"%PDF-"):
            raise RenderingError(f"{PROGRAM} wrote no PDF")
        return outcome.output


def find_wkhtmltopdf() -> Wkhtmltopdf | None:
    """Return the renderer if its program is installed and starts locked down; named by version."""
    path = shutil.which(PROGRAM)
    if path is None:
        return None
    try:
        told = run_confined([path, "--version"], b"", limits=Limits())
    except (OSError, RenderingError):
        return None
    if told.exit_code != 0:
        return None
    return Wkhtmltopdf(path=path, name=" ".join(told.output.decode().split()[:2]) or PROGRAM)


def _options(html: str, *, title: str) -> dict[str, str]:
    top, right, bottom, left = page_margins_mm(html)
    return {
        "log-level": "warn",
        "disable-javascript": "",
        "javascript-delay": "0",  # it would wait 200 ms for what is off
        "disable-local-file-access": "",
        "disable-plugins": "",
        "proxy": NOWHERE,
        "proxy-hostname-lookup": "",  # no name of a host reaches a resolver
        "load-error-handling": "abort",
        "load-media-error-handling": "abort",
        "encoding": "utf-8",
        "title": plain_title(title),
        "page-size": "A4",
        "orientation": "Landscape" if is_landscape(html) else "Portrait",
        "margin-top": f"{top}mm",
        "margin-right": f"{right}mm",
        "margin-bottom": f"{bottom}mm",
        "margin-left": f"{left}mm",
    }
