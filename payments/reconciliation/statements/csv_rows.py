"""A bank's CSV, read as its mapping says: every row is a line, or the file is refused.

A table has no opening balance. Where it has a running one, each row must lead to it; so lost rows
are found, and the order of the rows (newest or oldest first) is known.
"""

import datetime as dt
import re
from collections.abc import Sequence

from payments.reconciliation.statements.csv_mapping import CsvMapping
from payments.reconciliation.statements.csv_table import Row, rows_of
from payments.reconciliation.statements.errors import (
    NotBalancedError,
    OtherAccountError,
    quoted,
    refuse_at,
    refuse_file,
)
from payments.reconciliation.statements.model import Line, Statement
from payments.reconciliation.statements.placeholders import given
from payments.reconciliation.statements.values import Scales, display, make_date, minor_units

_SIGN = re.compile(
    r"(?P<before>[+\-\u2212]?)\s*(?P<digits>[^+\-\u2212]*?)\s*(?P<after>[+\-\u2212]?)"
)
_MINUS = ("-", "\u2212")
_CENTURY = 2000
_LONGEST_AMOUNT = 60


def read_csv(
    content: bytes, *, mapping: CsvMapping, currency: str, scales: Scales
) -> list[Statement]:
    """Return the one statement of a table; `currency` is that of rows which do not say theirs.

    Raises:
        StatementError: a row, or the table as a whole, is not as the mapping says.
    """
    reader = _Reader(mapping, currency, scales)
    rows = rows_of(content, mapping)
    booked = [row for row in rows if reader.is_booked(row)]
    if not booked:
        raise refuse_file("The table has no booked rows: check the mapping, or export anew.")
    moved = [(row, reader.line(row, number)) for number, row in enumerate(booked, start=1)]
    lines = tuple(line for _, line in moved if line.amount)
    statement_currency = moved[0][1].currency
    balances = reader.balances([(row, line.amount) for row, line in moved], statement_currency)
    days = [line.booked_on for _, line in moved]
    return [
        Statement(
            where="table",
            account=_own_account(booked),
            currency=statement_currency,
            from_date=min(days),
            to_date=max(days),
            opening_balance=balances and balances[0],
            closing_balance=balances and balances[1],
            closing_date=max(days) if balances else None,
            lines=lines,
        )
    ]


class _Reader:
    """Reads the cells of rows: amounts, dates and words as the mapping says."""

    def __init__(self, mapping: CsvMapping, currency: str, scales: Scales) -> None:
        self._mapping = mapping
        self._currency = currency
        self._scales = scales
        part = re.escape(mapping.thousands)
        whole = rf"[0-9]{{1,3}}(?:{part}[0-9]{{3}})+|[0-9]+" if part else "[0-9]+"
        self._digits = re.compile(
            rf"(?P<whole>{whole})(?:{re.escape(mapping.decimal)}(?P<part>[0-9]*))?"
        )

    def is_booked(self, row: Row) -> bool:
        words = self._mapping.booked_words
        return not words or _is_one_of(row.cells.get("status", ""), words)

    def line(self, row: Row, number: int) -> Line:
        cells = row.cells
        currency = (cells.get("currency") or self._currency).upper()
        booked_on = self._date(row, "booked_on")
        return Line(
            position=number,
            where=row.where,
            amount=self._moved(row, currency),
            currency=currency,
            booked_on=booked_on,
            value_on=self._date(row, "value_on") if cells.get("value_on") else booked_on,
            bank_ref=given(cells.get("bank_ref") or None),
            end_to_end_id=given(cells.get("end_to_end_id") or None),
            batch_ref=given(cells.get("batch_ref") or None),
            is_bank_charge=_is_one_of(cells.get("charge", ""), self._mapping.charge_words),
            counterparty_name=cells.get("name") or None,
            counterparty_account=cells.get("account") or None,
            text=cells.get("text", ""),
        )

    def balances(self, moved: Sequence[tuple[Row, int]], currency: str) -> tuple[int, int] | None:
        """Return the balance before the oldest row and after the newest, if the table has them.

        Raises:
            StatementError: the rows lead from one balance to the next in neither order.
        """
        if "balance" not in self._mapping.columns:
            return None
        forward = [(row, amount, self._amount(row, "balance", currency)) for row, amount in moved]
        steps = min(forward, forward[::-1], key=lambda order: len(_breaks(order)))
        broken = _breaks(steps)
        if not broken:
            return steps[0][2] - steps[0][1], steps[-1][2]
        before, (row, amount, after) = steps[broken[0] - 1][2], steps[broken[0]]

        def shown(units: int) -> str:
            return display(units, currency=currency, scales=self._scales)

        told = (
            f"The balance before, {shown(before)}, and the row's {shown(amount)} make"
            f" {shown(before + amount)}, but its balance is {shown(after)}."
            " Rows are missing or changed: export the statement anew."
        )
        raise refuse_at(row.where, "balance", told, error=NotBalancedError)

    def _moved(self, row: Row, currency: str) -> int:
        columns = self._mapping.columns
        if "amount" in columns:
            amount = self._amount(row, "amount", currency)
            if "sign" in columns and _is_one_of(row.cells["sign"], self._mapping.debit_words):
                amount = -abs(amount)
        else:
            amount = self._of_two_columns(row, currency)
        if row.cells.get("fee"):
            amount -= self._amount(row, "fee", currency)
        return amount

    def _of_two_columns(self, row: Row, currency: str) -> int:
        amounts = {
            side: abs(self._amount(row, side, currency))
            for side in ("debit", "credit")
            if row.cells[side]
        }
        if not amounts or all(amounts.get(side) for side in ("debit", "credit")):
            raise refuse_at(row.where, "amount", "Exactly one of debit and credit must be given.")
        return amounts.get("credit", 0) - amounts.get("debit", 0)

    def _amount(self, row: Row, name: str, currency: str) -> int:
        text = row.cells[name].replace("\N{NO-BREAK SPACE}", " ").replace("\u202f", " ").strip()
        sign = _SIGN.fullmatch(text[:_LONGEST_AMOUNT])
        found = sign and self._digits.fullmatch(sign["digits"])
        if sign is None or found is None or (sign["before"] and sign["after"]):
            shown = f"{self._mapping.thousands or ''}{self._mapping.decimal}"
            told = f"{quoted(row.cells[name])} is not an amount written with {quoted(shown)}."
            raise refuse_at(row.where, name, told)
        whole = (
            found["whole"].replace(self._mapping.thousands, "")
            if self._mapping.thousands
            else found["whole"]
        )
        units = minor_units(
            f"{whole}.{found['part'] or ''}",
            currency=currency,
            scales=self._scales,
            where=row.where,
            field=name,
            shown=row.cells[name],
        )
        return -units if _MINUS[0] in text or _MINUS[1] in text else units

    def _date(self, row: Row, name: str) -> dt.date:
        text = row.cells[name]
        found = self._mapping.date_pattern.fullmatch(text)
        if found is None:
            told = f"{quoted(text)} is not a date written as {self._mapping.date_format}."
            raise refuse_at(row.where, name, told)
        year = int(found["year"])
        year += _CENTURY if len(found["year"]) == 2 else 0  # noqa: PLR2004 - digits
        return make_date(
            year, int(found["month"]), int(found["day"]), text=text, where=row.where, field=name
        )


def _own_account(rows: Sequence[Row]) -> str | None:
    named = {row.cells["own_account"]: row for row in rows if row.cells.get("own_account")}
    if len(named) > 1:
        *_, other = named.values()
        told = "The table is of several accounts: export each by itself."
        raise refuse_at(other.where, "own_account", told, error=OtherAccountError)
    return next(iter(named), None)


def _breaks(steps: Sequence[tuple[Row, int, int]]) -> list[int]:
    """Return the rows whose balance is not that before them and their amount."""
    return [
        number
        for number in range(1, len(steps))
        if steps[number - 1][2] + steps[number][1] != steps[number][2]
    ]


def _is_one_of(text: str, words: Sequence[str]) -> bool:
    return text.strip().casefold() in {word.strip().casefold() for word in words}
