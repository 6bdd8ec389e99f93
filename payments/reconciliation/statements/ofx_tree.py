"""An OFX file as a tree: SGML (version 1) or XML (version 2), every element with its line.

The header and the grammar of elements are the library `ofxtools`'; its builder passes over what it
does not understand, which here would be a line lost, so that nothing may stand between elements
and every element ends where it should.
"""

import io
import re
import xml.etree.ElementTree as ET
from typing import Any

from ofxtools.header import parse_header
from ofxtools.Parser import TreeBuilder

from payments.reconciliation.statements.errors import StatementError, quoted, refuse_at, refuse_file

_DEEPEST = 40
_LONGEST_HEADER = 4096
_ELEMENT = re.compile(
    r"<(?P<tag>/?[A-Z][A-Z0-9._]{0,31})>"
    r"(?:<!\[CDATA\[(?P<cdata>.*?)\]\]>|(?P<text>[^<]+))?"
    r"(?:</(?P<closetag>(?P=tag))>)?",
    re.DOTALL,
)
# Elements of text, which SGML lets stand empty without an end.
_TEXTS = frozenset(
    {
        "MEMO",
        "MEMO2",
        "NAME",
        "EXTDNAME",
        "CHECKNUM",
        "REFNUM",
        "SRVRTID",
        "PAYEEID",
        "SIC",
        "MESSAGE",
        "ORG",
        "FID",
        "INTU.BID",
        "INTU.USERID",
        "BRANCHID",
        "BANKID",
        "ADDR1",
        "ADDR2",
        "ADDR3",
        "CITY",
        "STATE",
        "POSTALCODE",
        "COUNTRY",
        "PHONE",
    }
)
_BROKEN = "The OFX is broken or cut off: export the statement again, and whole."


def read_tree(content: bytes) -> ET.Element:
    """Return the root of the tree; the attribute `line` of an element is its line in the file.

    Raises:
        StatementError: it is not OFX, hostile, or cut off.
    """
    content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    start = content.find(b"<OFX>", 0, _LONGEST_HEADER)
    if start < 0:
        raise refuse_file(_BROKEN)
    # The library's patterns take for ever over long white space.
    header = re.sub(rb"[ \t]+", b" ", re.sub(rb"\s*\n\s*", b"\n", content[:start].strip()))
    try:
        _, body = parse_header(io.BytesIO(header + b"\n" + content[start:]))
    except (ValueError, SyntaxError, LookupError, TypeError) as error:
        raise refuse_file("The OFX header is missing, unknown or in another encoding.") from error
    body = body.strip()
    if "\0" in body:
        raise refuse_file("The file is not text: it holds zero bytes.")
    builder = _Builder(first_line=content.count(b"\n", 0, start) + 1)
    builder.feed(body)
    return builder.finish()


class _Builder(TreeBuilder):
    """Builds the tree; `_open` holds the elements that are not ended yet."""

    def __init__(self, *, first_line: int) -> None:
        super().__init__()
        self._line = first_line
        self._open: list[str] = []
        self._has_root = False

    def feed(self, data: str) -> None:
        position = 0
        for found in _ELEMENT.finditer(data):
            self._refuse_text(data[position : found.start()])
            self._line += data.count("\n", position, found.start())
            self._take(found)
            self._line += data.count("\n", found.start(), found.end())
            position = found.end()
        self._refuse_text(data[position:])

    def finish(self) -> ET.Element:
        if self._open or not self._has_root:
            raise refuse_file(_BROKEN)
        root: ET.Element = super().close()
        return root

    def start(self, tag: str, attrs: dict[Any, Any]) -> ET.Element:  # noqa: ARG002 - OFX has none
        if len(self._open) >= _DEEPEST:
            raise self._broken(f"Elements are nested more than {_DEEPEST} deep.")
        if self._has_root and not self._open:
            raise self._broken("It goes on behind its end.")
        self._has_root = True
        self._open.append(tag)
        return super().start(tag, {"line": str(self._line)})

    def end(self, tag: str) -> ET.Element:
        if not self._open or self._open.pop() != tag:
            raise self._broken(f"{quoted(tag)} ends where it was not open.")
        return super().end(tag)

    def _take(self, found: re.Match[str]) -> None:
        tag, closetag = found["tag"], found["closetag"]
        text = found["cdata"] or self._groomstring(found["text"] or "")
        if tag.startswith("/") and text:
            raise self._broken(f"Text stands behind {quoted(tag[1:])}.")
        if text is None and tag in _TEXTS:
            closetag = tag
        self._feedmatch(tag, text, closetag)

    def _refuse_text(self, between: str) -> None:
        if between.strip():
            raise self._broken(f"{quoted(between.strip())} is no element.")

    def _broken(self, told: str) -> StatementError:
        return refuse_at(f"line {self._line}", "OFX", told)
