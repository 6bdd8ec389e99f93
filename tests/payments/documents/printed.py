"""Reads what a PDF shows, and what is hidden in it."""

import io
import re
from typing import Any

import pypdf


def text_of(pdf: bytes) -> str:
    """Return the text of all pages, its white space as one space."""
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def everything_in(pdf: bytes) -> str:
    """Return the text of all pages, all attachments, and every stream and string, unpacked."""
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    parts = [text_of(pdf), pdf.decode("latin-1")]
    parts += [b"".join(files).decode("latin-1") for files in reader.attachments.values()]
    for number in range(1, len(reader.xref_objStm) + len(reader.xref.get(0, {})) + 1):
        found = reader.get_object(number)
        if isinstance(found, pypdf.generic.StreamObject):
            parts.append(found.get_data().decode("latin-1"))
    return "\n".join(parts)


def widest_box_mm(pdf: bytes) -> float:
    """Return the width of the widest rectangle that is narrower than the page."""
    page = pypdf.PdfReader(io.BytesIO(pdf)).pages[0]
    widths: list[float] = []

    def see(operator: bytes, operands: Any, matrix: Any, _text_matrix: Any) -> None:
        if operator == b"re":
            widths.append(abs(operands[2] * matrix[0]) / 72 * 25.4)

    page.extract_text(visitor_operand_before=see)
    return max(width for width in widths if width < 150)


def without_times(pdf: bytes) -> bytes:
    """Return the file without the moment it was made at."""
    return re.sub(rb"/(?:CreationDate|ModDate) ?\(D:[^)]*\)", b"", pdf)
