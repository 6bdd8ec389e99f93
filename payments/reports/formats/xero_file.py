"""Daily journals as Xero's template for manual journals wants them.

Columns, signs (a debit is positive) and dates as on help.xero.com, "Import manual journals", which
also limits a file to 300 lines. Xero's manual journals are in the organisation's own currency.
"""

from collections.abc import Iterator, Mapping

from payments.reports.formats.csv_file import quoted
from payments.reports.formats.daily_journals import daily_journals
from payments.reports.formats.pieces import in_pieces
from payments.reports.formats.tally import Tally
from payments.reports.mappings.packages import Target
from payments.reports.report import Report

_COLUMNS = ("*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount")


def encode_xero(report: Report, tally: Tally, targets: Mapping[str, Target]) -> Iterator[bytes]:
    """Give the file, once the whole report is read: only then it is known that nothing lacks."""
    return in_pieces(_lines(report, tally, targets))


def _lines(report: Report, tally: Tally, targets: Mapping[str, Target]) -> Iterator[str]:
    journals = list(daily_journals(report, tally, targets, package="xero"))
    yield ",".join(_COLUMNS) + "\r\n"
    for journal in journals:
        narration = f"Strongroom {journal.day} {journal.asset.code}"
        for line in journal.lines:
            cells = (
                quoted(narration),
                f"{journal.day:%d/%m/%Y}",
                quoted(line.account),
                quoted(line.target.code),
                quoted(line.target.tax_code or ""),
                journal.asset.display(line.amount),
            )
            yield ",".join(cells) + "\r\n"
