"""From a figure to what is behind it: the path of the report, or of the entry, that shows it."""

import datetime as dt
from urllib.parse import quote, urlencode

from payments.reports.reading import Reading
from payments.reports.wanted import Wanted, moment_text

REPORTS = "/api/ledger/reports"
_NONE: dict[str, object] = {
    "account": None,
    "control": None,
    "detail": "control",
    "seller_id": None,
}


def to_control(reading: Reading, control: str, asset: str) -> str:
    """Return the path of the general ledger of what the report has of one control account."""
    account = reading.wanted.account
    return to_report(reading, "general-ledger", account=account, control=control, asset=asset)


def to_account(reading: Reading, path: str, asset: str, **changes: object) -> str:
    """Return the path of one account's statement, on the same part of the books but `changes`."""
    query = _query(reading, reading.wanted.but(**_NONE | {"asset": asset} | changes))
    return f"/api/ledger/accounts/{quote(path, safe=':')}/statement?{query}"


def to_report(reading: Reading, report: str, **changes: object) -> str:
    """Return the path of another report on the same part of the books, but for `changes`."""
    wanted = reading.wanted.but(**_NONE | changes)
    return f"{REPORTS}/{report}?{_query(reading, wanted)}"


def to_entry(entry_id: object) -> str | None:
    """Return the path of a journal entry."""
    return None if entry_id is None else f"/api/ledger/entries/{entry_id}"


def day_before(day: dt.date) -> dt.date:
    """Return the last day of what went before."""
    return day - dt.timedelta(days=1)


def _query(reading: Reading, wanted: Wanted) -> str:
    """As of the same moment, so that both show the same books."""
    return urlencode(wanted.parameters() | {"as_of": moment_text(reading.scope.as_of)}, safe=":")
