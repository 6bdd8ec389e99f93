"""Daily journals as QuickBooks Online imports journal entries.

Columns as on quickbooks.intuit.com, "Import journal entries"; the currency is for companies that
have several switched on. Dates are month first, which is what the import expects unless told.
"""

from collections.abc import Iterator, Mapping

from payments.reports.formats.csv_file import quoted
from payments.reports.formats.daily_journals import daily_journals
from payments.reports.formats.pieces import in_pieces
from payments.reports.formats.tally import Tally
from payments.reports.mappings.packages import Target
from payments.reports.report import Report

_COLUMNS = (
    "Journal No.",
    "Journal Date",
    "Account Name",
    "Description",
    "Debits",
    "Credits",
    "Currency Code",
)


def encode_quickbooks(
    report: Report, tally: Tally, targets: Mapping[str, Target]
) -> Iterator[bytes]:
    """Give the file, once the whole report is read: only then it is known that nothing lacks."""
    return in_pieces(_lines(report, tally, targets))


def _lines(report: Report, tally: Tally, targets: Mapping[str, Target]) -> Iterator[str]:
    journals = list(daily_journals(report, tally, targets, package="quickbooks"))
    yield ",".join(_COLUMNS) + "\r\n"
    for journal in journals:
        code = journal.asset.code
        number = f"SR{journal.day:%y%m%d}-{code}"  # QuickBooks keeps 21 characters
        for line in journal.lines:
            amount = journal.asset.display(abs(line.amount))
            cells = (
                number,
                f"{journal.day:%m/%d/%Y}",
                quoted(line.target.code),
                quoted(line.account),
                amount if line.amount > 0 else "",
                amount if line.amount < 0 else "",
                code,
            )
            yield ",".join(cells) + "\r\n"
