"""Answers with a report that is written while it is read: any length, little memory.

Whatever is wrong is found before the first byte; when something breaks later, the connection
ends before the body does, so that nobody takes a part for the whole.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, islice

from flask import Response

from payments.errors import InvalidRequestError, TooManyRequestsError
from payments.reports.file_format import check_format, file_name, report_for
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

MOST_AT_ONCE = 8
"""Each holds a connection to the database for as long as its reader takes."""

LONGEST_S = 600
"""The report's snapshot of the books is open until it is read; whoever reads slower has a job."""

MOST_ROWS = {"xlsx": 50_000}
"""A workbook is put together in one go at its end, and all other requests wait meanwhile."""

_BREATHE_ROWS = 500
_room = threading.BoundedSemaphore(MOST_AT_ONCE)


def answer_report(wanted: Wanted, *, format_name: str, page: Page) -> Response:
    """Answer with a report in a format; JSON of a long report is a page of it.

    Raises:
        InvalidRequestError: it is too long to be made in a request; or see `open_report`.
        NotFoundError, UnavailableError: see `open_report`.
        TooManyRequestsError: as many reports as may be are read by this process.
    """
    parts = current_parts()
    check_format(wanted, format_name, also=(JSON,))
    if not _room.acquire(blocking=False):
        raise TooManyRequestsError(f"{MOST_AT_ONCE} reports are being read at once.")
    is_paged = format_name == JSON and DEFINITIONS[wanted.report].is_paged
    with ExitStack() as stack:
        stack.callback(_room.release)
        opened = stack.enter_context(
            open_report(
                parts.engine,
                report_for(wanted, format_name),
                now=parts.now(),
                page=page if is_paged else None,
            )
        )
        pieces = filter(None, _pieces(opened, format_name, page if is_paged else None))
        first = next(pieces, b"")  # of a workbook when all is read
        headers = _headers(opened.report, format_name)
        reading = stack.pop_all()
        response = Response(_until_read(reading, chain([first], pieces)), headers=headers)
        response.call_on_close(reading.close)
    return response


def _until_read(reading: ExitStack, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Give the pieces, and the connection back when they are read or nobody wants more."""
    with reading:
        yield from pieces


def _pieces(opened: OpenReport, format_name: str, page: Page | None) -> Iterator[bytes]:
    rows = iter(opened.report.rows)
    begun = list(islice(rows, 1))  # whatever is wrong with the query is told now
    rows = _breathing(chain(begun, rows), most=MOST_ROWS.get(format_name))
    report = replace(opened.report, rows=rows)
    if format_name == JSON:
        return json_pieces(report, Tally(), page=page, cursor=CURSORS.get(report.name))
    return FORMATS[format_name].encoder(opened.connection)(report, Tally())


def _headers(report: Report, format_name: str) -> Mapping[str, str]:
    told = {
        "Report-As-Of": moment_text(report.scope.as_of),
        "Ledger-Sequence": str(report.sequence),
    }
    if format_name == JSON:
        return {"Content-Type": "application/json", **told}
    name = file_name(report, format_name)
    return {
        "Content-Type": FORMATS[format_name].content_type,
        "Content-Disposition": f'attachment; filename="{name}"',
        **told,
    }


def _breathing(rows: Iterator[tuple[Cell, ...]], *, most: int | None) -> Iterator[tuple[Cell, ...]]:
    """Let the process's other requests go on now and then: writing is work without waiting.

    Raises:
        InvalidRequestError: there are more than `most` rows, or they are read too slowly.
    """
    until = time.monotonic() + LONGEST_S
    for number, row in enumerate(rows):
        if number == most:
            raise _too_long(f"It has more than {most} rows")
        if number % _BREATHE_ROWS == 0:
            if time.monotonic() > until:
                raise _too_long(f"It was not read within {LONGEST_S} s")
            time.sleep(0)  # of greenlets: whoever is ready runs first
        yield row


def _too_long(what: str) -> InvalidRequestError:
    told = f"{what}; have a job write it: POST /api/ledger/exports."
    return InvalidRequestError(told, errors={"format": [told]})
