"""Answers with a report that is written while it is read: any length, little memory.

Whatever is wrong is found before the first byte; when something breaks later, the connection
ends before the body does, so that nobody takes a part for the whole.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace

from flask import Response

from payments.reports.file_format import check_format, file_name
from payments.reports.formats.registry import FORMATS
from payments.reports.formats.tally import Tally
from payments.reports.json_text import json_pieces
from payments.reports.make_report import CURSORS
from payments.reports.names import DEFINITIONS
from payments.reports.open_report import OpenReport, open_report
from payments.reports.reading import Page
from payments.reports.report import Cell, Report
from payments.reports.wanted import Wanted, moment_text
from web.parts import current_parts
from web.schemas.reports import JSON

_BREATHE_ROWS = 500


def answer_report(wanted: Wanted, *, format: str, page: Page) -> Response:
    """Answer with a report in a format; JSON of a long report is a page of it.

    Raises:
        InvalidRequestError, NotFoundError, UnavailableError: see `open_report`.
    """
    parts = current_parts()
    check_format(wanted, format, also=(JSON,))
    is_paged = format == JSON and DEFINITIONS[wanted.report].is_paged
    with ExitStack() as stack:
        opened = stack.enter_context(
            open_report(parts.engine, wanted, now=parts.now(), page=page if is_paged else None)
        )
        pieces = _pieces(opened, format, page if is_paged else None)
        first = next(pieces, b"")
        response = Response(_after(first, pieces), headers=_headers(opened.report, format))
        response.call_on_close(stack.pop_all().close)
    return response


def _pieces(opened: OpenReport, format: str, page: Page | None) -> Iterator[bytes]:
    report = replace(opened.report, rows=_breathing(opened.report.rows))
    if format == JSON:
        return json_pieces(report, Tally(), page=page, cursor=CURSORS.get(report.name))
    return FORMATS[format].encoder(opened.connection)(report, Tally())


def _headers(report: Report, format: str) -> Mapping[str, str]:
    told = {
        "Report-As-Of": moment_text(report.scope.as_of),
        "Ledger-Sequence": str(report.sequence),
    }
    if format == JSON:
        return {"Content-Type": "application/json", **told}
    name = file_name(report, format)
    return {
        "Content-Type": FORMATS[format].content_type,
        "Content-Disposition": f'attachment; filename="{name}"',
        **told,
    }


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _breathing(rows: Iterator[tuple[Cell, ...]]) -> Iterator[tuple[Cell, ...]]:
    """Let the process's other requests go on now and then: writing is work without waiting."""
    for number, row in enumerate(rows):
        if number % _BREATHE_ROWS == 0:
            time.sleep(0)  # of greenlets: whoever is ready runs first
        yield row
