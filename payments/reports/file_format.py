"""Which formats a report can be written in, and what its file is called."""

from collections.abc import Sequence

from payments.errors import InvalidRequestError
from payments.reports.formats.registry import FORMATS
from payments.reports.report import Report
from payments.reports.wanted import Wanted


def check_format(wanted: Wanted, format_name: str, *, also: Sequence[str] = ()) -> None:
    """Refuse a format that the report cannot be written in; `also` names further known ones.

    Raises:
        InvalidRequestError: there is no such format, or it is for other reports, or for the whole
            journal only.
    """
    if format_name in also:
        return
    possible = [*also, *formats_of(wanted.report)]
    if format_name not in possible:
        told = f"The report {wanted.report} can be written as {', '.join(possible)}."
        raise InvalidRequestError("The format does not fit.", errors={"format": [told]})
    if FORMATS[format_name].whole_journal:
        faults = {
            name: [f"As {format_name} the journal is whole, so that it balances; leave it out."]
            for name in ("account", "control")
            if getattr(wanted, name) is not None
        }
        if faults:
            raise InvalidRequestError("The filter does not fit the format.", errors=faults)


def report_for(wanted: Wanted, format_name: str) -> Wanted:
    """Return what is read for a format: some write any report of the books from the journal."""
    is_journal = format_name in FORMATS and FORMATS[format_name].whole_journal
    return wanted.but(report="journal") if is_journal else wanted


def formats_of(report: str) -> list[str]:
    """Return the names of the formats that a report can be written in."""
    return [
        name for name, each in FORMATS.items() if each.reports is None or report in each.reports
    ]


def file_name(report: Report, format_name: str) -> str:
    """Return a name that tells the report and its period: `trial-balance-2026-10-31.csv`."""
    scope = report.scope
    last = scope.last_day or scope.as_of.date()
    days = [day.isoformat() for day in (scope.first_day, last) if day is not None]
    return f"{'-'.join([report.name, *days])}.{FORMATS[format_name].extension}"
