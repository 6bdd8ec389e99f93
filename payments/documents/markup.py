"""What is taken out of and read from a page before a renderer sees it."""

import re

from payments.documents.errors import RenderingError

LARGEST_PAGE_CHARACTERS = 8_000_000
_META = re.compile(r"<meta\b[^>]*>?", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_PAGE_RULE = re.compile(r"@page\s*\{([^}]{0,400})\}")
_LANDSCAPE = re.compile(r"\bsize:\s*A4\s+landscape\b")
_MARGIN = re.compile(r"\bmargin:((?:\s*\d{1,2}mm){1,4})\s*(?:;|$)")
_USUAL_MARGIN = ("15", "15", "15", "15")


def without_meta(html: str) -> str:
    """Return the page without `meta` elements: pdfkit takes options from them (CVE-2025-26240).

    Raises:
        RenderingError: the page is larger than any document of ours.
    """
    if len(html) > LARGEST_PAGE_CHARACTERS:
        raise RenderingError(f"the page has more than {LARGEST_PAGE_CHARACTERS} characters")
    # Something is left in its place, or what stood around it could become one.
    return _META.sub(" ", html.replace("\x00", ""))


def plain_title(title: str) -> str:
    """Return the title as one line that is never empty: an empty option would eat the next one."""
    return _CONTROLS.sub(" ", title).strip()[:200] or "Document"


def is_landscape(html: str) -> bool:
    """Whether the page's first `@page` rule asks for A4 lying on its side."""
    return bool(_LANDSCAPE.search(_page_rule(html)))


def page_margins_mm(html: str) -> tuple[str, str, str, str]:
    """Return top, right, bottom and left of the first `@page` rule, in whole millimetres.

    WeasyPrint obeys the rule itself; wkhtmltopdf ignores it and wants options.
    """
    found = _MARGIN.search(_page_rule(html).strip())
    if found is None:
        return _USUAL_MARGIN
    sides = [side.removesuffix("mm") for side in found[1].split()]
    top = sides[0]
    right = sides[1] if len(sides) > 1 else top
    bottom = sides[2] if len(sides) > 2 else top  # noqa: PLR2004 - CSS names one to four sides
    left = sides[3] if len(sides) > 3 else right  # noqa: PLR2004 - likewise
    return top, right, bottom, left


def _page_rule(html: str) -> str:
    found = _PAGE_RULE.search(html)
    return found[1] if found else ""
