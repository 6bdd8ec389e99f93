"""Shows docs/operating.md in the console, section by section: the words that a runbook is.

Markdown without HTML in it, so that nothing of a text can run; links between sections lead to
pages of the console, links to other files stay words.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from web.runbooks import RUNBOOKS

FILE = Path(__file__).parents[1] / "docs" / "operating.md"
PAGES = "/console/runbooks/"

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_WEB = re.compile(r"https?://")


@dataclass(frozen=True)
class Section:
    """A part of the handbook, from one heading of the second level to the next."""

    heading: str
    text: str
    """Markdown, without the heading."""

    @property
    def anchor(self) -> str:
        """The name that links lead to."""
        return anchor_of(self.heading)


def anchor_of(heading: str) -> str:
    """Return the name of a heading in links, as GitHub makes it."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.strip().replace(" ", "-")


def sections(text: str) -> list[Section]:
    """Split the handbook's text; a line of code that begins with a hash is no heading."""
    hidden = _CODE.sub(lambda found: " " * len(found[0]), text)
    starts = list(_SECTION.finditer(hidden))
    ends = [*(each.start() for each in starts[1:]), len(text)]
    return [
        Section(start[1].strip(), text[start.end() : end].strip())
        for start, end in zip(starts, ends, strict=True)
    ]


def read_sections() -> list[Section]:
    """Return the handbook's sections; none where this installation has no docs."""
    try:
        return sections(FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []


def rendered(section: Section, among: Sequence[Section]) -> Markup:
    """Return a section as HTML, its links leading to pages of the console."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    homes = _homes(among)
    tokens = markdown.parse(section.text)
    for token in tokens:
        token.attrs.pop("style", None)  # of aligned columns: the page's policy takes no styles
        if token.type == "heading_open":
            token.tag = f"h{min(int(token.tag[1]), 6)}"
        if token.children:
            token.children = _relinked(token.children, homes, own=section.anchor)
    _give_anchors(tokens)
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    opened = '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>'
    html = html.replace("<table>", opened).replace("</table>", "</table></div>")
    return Markup(html)  # noqa: S704 - made by markdown-it from our own file, without HTML of it


def _homes(among: Sequence[Section]) -> Mapping[str, str]:
    """Return for every anchor of the handbook the anchor of its section."""
    found: dict[str, str] = {}
    for section in among:
        found[section.anchor] = section.anchor
        for inner in re.findall(r"^###+ (.+)$", section.text, re.MULTILINE):
            found.setdefault(anchor_of(inner), section.anchor)
    return found


def _give_anchors(tokens: Sequence[Token]) -> None:
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrs["id"] = anchor_of(inline.content)


def _relinked(tokens: Sequence[Token], homes: Mapping[str, str], *, own: str) -> list[Token]:
    """Lead links to where the console shows what they mean; drop those it cannot show."""
    kept: list[Token] = []
    dropping: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            target = _target(str(token.attrs.get("href", "")), homes, own=own)
            dropping.append(target is None)
            if target is None:
                continue
            token.attrs["href"] = target
        elif token.type == "link_close" and dropping.pop():
            continue
        kept.append(token)
    return kept


def _target(href: str, homes: Mapping[str, str], *, own: str) -> str | None:
    if _WEB.match(href):
        return href
    home = homes.get(href.removeprefix("#")) if href.startswith("#") else None
    if home is None:
        return None
    inner = href if home != href.removeprefix("#") else ""
    return inner if home == own and inner else f"{PAGES}{_page_of(home)}{inner}"


def _page_of(anchor: str) -> str:
    named = (each.name for each in RUNBOOKS if anchor_of(each.heading) == anchor)
    return next(named, anchor)
