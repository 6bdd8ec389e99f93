"""The formats a report can be written in, by the name that callers ask for.

An encoder gives the file as pieces of bytes while it reads the report's rows, and counts into a
tally; the same report gives the same bytes. It raises, if at all, before its first piece where
what is missing can be known by then: take the first piece before answering anybody.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from payments.reports.formats.csv_file import encode_csv
from payments.reports.formats.tally import Tally
from payments.reports.report import Report

Encode = Callable[[Report, Tally], Iterator[bytes]]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format: how it is called on the wire, which reports it is for, and what writes it.

    `reports` is None for any report. `whole_journal` says that the report must be the journal of
    all accounts: a single account's postings would not balance. `encoder` takes the connection
    whose transaction the report is read in, for what a file says beside the rows.
    """

    content_type: str
    extension: str
    encoder: Callable[[Connection], Encode]
    reports: frozenset[str] | None = None
    whole_journal: bool = False


FORMATS: dict[str, Format] = {
    "csv": Format(
        content_type="text/csv; charset=utf-8; header=present",
        extension="csv",
        encoder=lambda _connection: encode_csv,
    ),
}
