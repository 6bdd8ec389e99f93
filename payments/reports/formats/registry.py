"""The formats a report can be written in, by the name that callers ask for.

An encoder gives the file as pieces of bytes while it reads the report's rows, and counts into a
tally; the same report gives the same bytes. It raises, if at all, before its first piece where
what is missing can be known by then: take the first piece before answering anybody.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from payments.reports.formats.beancount_file import encode_beancount
from payments.reports.formats.csv_file import encode_csv
from payments.reports.formats.hledger_file import encode_hledger
from payments.reports.formats.quickbooks_file import encode_quickbooks
from payments.reports.formats.tally import Tally
from payments.reports.formats.xero_file import encode_xero
from payments.reports.formats.xlsx_file import encode_xlsx
from payments.reports.mappings.packages import Target
from payments.reports.mappings.read_mappings import read_targets
from payments.reports.report import Report

Encode = Callable[[Report, Tally], Iterator[bytes]]
_EncodeMapped = Callable[[Report, Tally, Mapping[str, Target]], Iterator[bytes]]

_CSV = "text/csv; charset=utf-8; header=present"
_TEXT = "text/plain; charset=utf-8"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_JOURNALS = frozenset({"journal", "general-ledger"})


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


def _mapped(package: str, encode: _EncodeMapped) -> Callable[[Connection], Encode]:
    """Return an encoder that writes a package's accounts, as they are mapped now."""

    def encoder(connection: Connection) -> Encode:
        targets = read_targets(connection, package)
        return lambda report, tally: encode(report, tally, targets)

    return encoder


FORMATS: dict[str, Format] = {
    "csv": Format(content_type=_CSV, extension="csv", encoder=lambda _connection: encode_csv),
    "xlsx": Format(content_type=_XLSX, extension="xlsx", encoder=lambda _connection: encode_xlsx),
    "beancount": Format(
        content_type=_TEXT,
        extension="beancount",
        encoder=lambda connection: partial(encode_beancount, connection),
        reports=_JOURNALS,
        whole_journal=True,
    ),
    "hledger": Format(
        content_type=_TEXT,
        extension="journal",
        encoder=lambda connection: partial(encode_hledger, connection),
        reports=_JOURNALS,
        whole_journal=True,
    ),
    "xero": Format(
        content_type=_CSV,
        extension="xero.csv",
        encoder=_mapped("xero", encode_xero),
        reports=_JOURNALS,
        whole_journal=True,
    ),
    "quickbooks": Format(
        content_type=_CSV,
        extension="quickbooks.csv",
        encoder=_mapped("quickbooks", encode_quickbooks),
        reports=_JOURNALS,
        whole_journal=True,
    ),
}
