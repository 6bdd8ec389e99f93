"""Renders one page with WeasyPrint; run by `weasyprint_renderer.py`, and locks itself down.

Everything is imported, and tried on a page of our own, while this process may still read files;
then it gives that up and reads the page it was started for.
"""

import json
import sys

import weasyprint
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher

from payments.documents.lockdown import lock_down

# It makes Python import what only some pages need: pictures of both kinds, and shaping.
_TRIED_FIRST = """
<p style='font-family: sans-serif'>A <b>é</b> שלום مرحبا
<img src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR4nGNgAAIAAAUA
AXpeqz8AAAAASUVORK5CYII=">
<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><text>A</text></svg>">
<table><tr><td>A</table><a href="https://nowhere.invalid/">A</a>
"""
_NOWHERE = "http://nowhere.invalid/"  # what is relative is relative to this, and refused


def main() -> None:
    """Read the page from standard input and write the PDF to standard output.

    Without a title among the arguments, write which version would do it.
    """
    fonts = FontConfiguration()
    set_page(_TRIED_FIRST, title="Tried", fonts=fonts)
    told, *titles = sys.argv[1:]
    limits: dict[str, int] = json.loads(told)
    lock_down(limits, parent=limits["parent"])
    if not titles:
        sys.stdout.write(f"WeasyPrint {weasyprint.__version__}")
        return
    html = sys.stdin.buffer.read().decode("utf-8")
    try:
        pdf = set_page(html, title=titles[0], fonts=fonts)
    except FatalURLFetchingError as error:
        sys.exit(f"Blocked: {error}")
    sys.stdout.buffer.write(pdf)


def set_page(html: str, *, title: str, fonts: FontConfiguration) -> bytes:
    """Return the page as PDF.

    Raises:
        FatalURLFetchingError: it wants something that it does not carry itself.
    """
    fetcher = URLFetcher(allowed_protocols=["data"], allow_redirects=False, fail_on_errors=True)
    page = weasyprint.HTML(string=html, base_url=_NOWHERE, url_fetcher=fetcher)
    document = page.render(font_config=fonts)
    document.metadata.title = title
    document.metadata.attachments = []
    pdf: bytes = document.write_pdf()
    return pdf


if __name__ == "__main__":
    main()
