"""The books themselves: general ledger, journal, and the statement of one account."""

from collections.abc import Callable, Iterator
from itertools import chain, islice

from ledger import reporting
from ledger.errors import UnknownAccountError
from ledger.reporting import LedgerRow, Place
from payments.errors import InvalidRequestError
from payments.reports.drill_down import day_before, to_account, to_entry
from payments.reports.reading import Reading
from payments.reports.report import Cell, Column, Report

LEDGER_COLUMNS = (
    Column("account", "Account"),
    Column("asset", "Asset"),
    Column("seq", "Number", "count"),
    Column("entry_id", "Entry", "count"),
    Column("occurred_at", "Effective", "moment"),
    Column("recorded_at", "Recorded", "moment"),
    Column("kind", "Kind"),
    Column("description", "Description"),
    Column("debit", "Debit", "amount"),
    Column("credit", "Credit", "amount"),
    Column("balance", "Balance", "amount", adds_up=False),
)
JOURNAL_COLUMNS = (
    Column("entry_id", "Entry", "count"),
    Column("effect_key", "Effect key"),
    Column("kind", "Kind"),
    Column("occurred_at", "Effective", "moment"),
    Column("recorded_at", "Recorded", "moment"),
    Column("description", "Description"),
    Column("reverses", "Reverses entry", "count"),
    Column("line", "Line", "count"),
    Column("account", "Account"),
    Column("asset", "Asset"),
    Column("debit", "Debit", "amount"),
    Column("credit", "Credit", "amount"),
)
_Row = tuple[Cell, ...]
_OPENING = "opening"
_DIGITS = 18  # of a number that PostgreSQL's bigint can hold
_ASSETS_OF = (
    "SELECT s.code FROM ledger.accounts a JOIN ledger.assets s ON s.id = a.asset_id"
    ' WHERE a.path = %s ORDER BY s.code COLLATE "C"'
)


def general_ledger(reading: Reading) -> Report:
    """Return every account's postings between an opening and a closing row, debit positive."""
    page, wanted = reading.page, reading.wanted
    after = None if page is None else _place(page.after)
    rows = _checked(
        lambda: reporting.general_ledger(
            reading.connection,
            reading.scope,
            account=wanted.account,
            control=wanted.control,
            after=after,
            limit=None if page is None else page.limit + 1,
        )
    )
    return _ledger_report(reading, "General ledger", rows)


def account_statement(reading: Reading) -> Report:
    """Return one account's postings between an opening and a closing row, for each asset."""
    page = reading.page
    after = None if page is None else _place(page.after)
    rows = _checked(lambda: _statements(reading, after))
    if page is not None:
        rows = islice(rows, page.limit + 1)
    return _ledger_report(reading, "Account statement", rows)


def journal(reading: Reading) -> Report:
    """Return every line of every entry; with an account, of the entries that touch it."""
    page, wanted = reading.page, reading.wanted
    rows = reporting.journal(
        reading.connection,
        reading.scope,
        account=wanted.account,
        control=wanted.control,
        after=None if page is None else _journal_place(page.after),
        limit=None if page is None else page.limit + 1,
    )
    return reading.report(
        "Journal",
        JOURNAL_COLUMNS,
        rows,
        drill_down=lambda row: to_entry(row[0]),
        name="journal",
    )


def ledger_cursor(row: tuple[Cell, ...]) -> str:
    """Return how the next page of a ledger names the last row of this one."""
    return f"{row[0]} {row[1]} {row[2]}"


def journal_cursor(row: tuple[Cell, ...]) -> str:
    """Return how the next page of the journal names the last row of this one."""
    return f"{row[0]}.{row[7]}"


def ledger_link(reading: Reading, row: tuple[Cell, ...]) -> str | None:
    """Return where a ledger's row leads: to its entry, an opening to what went before."""
    first_day = reading.scope.first_day
    if row[6] == _OPENING and row[3] is None and first_day is not None:
        return to_account(
            reading, str(row[0]), str(row[1]), first_day=None, last_day=day_before(first_day)
        )
    return to_entry(row[3])


def _ledger_report(reading: Reading, title: str, rows: Iterator[tuple[Cell, ...]]) -> Report:
    return reading.report(
        title,
        LEDGER_COLUMNS,
        rows,
        drill_down=lambda row: ledger_link(reading, row),
    )


def _statements(reading: Reading, after: Place | None) -> Iterator[LedgerRow]:
    path = reading.wanted.account or ""
    codes = reading.connection.exec_driver_sql(_ASSETS_OF, (path,)).scalars().all()
    if after is not None and (after.account != path or after.asset not in codes):
        raise _bad_place()
    wanted = reading.wanted.asset
    return chain.from_iterable(
        reporting.statement(
            reading.connection,
            reading.scope,
            path,
            code,
            after=after if after is not None and after.asset == code else None,
        )
        for code in codes
        if wanted in (None, code) and (after is None or code >= after.asset)
    )


def _checked(read: Callable[[], Iterator[_Row]]) -> Iterator[_Row]:
    try:
        yield from read()
    except UnknownAccountError as error:
        raise _bad_place() from error


def _place(after: str | None) -> Place | None:
    if after is None:
        return None
    path, _, rest = after.partition(" ")
    asset, _, seq = rest.partition(" ")
    if not (path and asset and (seq == "-1" or _is_number(seq)) and "\x00" not in after):
        raise _bad_place()
    return Place(path, asset, int(seq))


def _journal_place(after: str | None) -> tuple[int, int] | None:
    if after is None:
        return None
    entry, _, line = after.partition(".")
    if not (_is_number(entry) and _is_number(line)):
        raise _bad_place()
    return int(entry), int(line)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def _bad_place() -> InvalidRequestError:
    told = "Send the `next` of the page before, or leave it out for the first page."
    return InvalidRequestError("The page is not known.", errors={"after": [told]})
