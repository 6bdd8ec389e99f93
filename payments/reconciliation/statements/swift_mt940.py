"""MT940, as SWIFT defines it and as banks write it.

The grammar of fields 60, 61 and 62 is that of the library `mt-940`, which knows many banks' ways.
Its reader is not used: it opens a file when its input happens to name one, skips what it does not
know, and does not say where in the file something is.
"""

import datetime as dt
import re
from collections.abc import Mapping

import mt940

from payments.reconciliation.statements.errors import quoted, refuse_at
from payments.reconciliation.statements.model import Line, Statement
from payments.reconciliation.statements.mt940_details import Details, read_details
from payments.reconciliation.statements.mt940_fields import Field, Message, decode, messages_of
from payments.reconciliation.statements.placeholders import given
from payments.reconciliation.statements.values import Scales, make_date, minor_units

# The variant whose customer reference may be longer than SWIFT's sixteen characters.
_LINE: re.Pattern[str] = mt940.tags.StatementGLS().re
_BALANCE: re.Pattern[str] = mt940.tags.FinalOpeningBalance().re
_AMOUNT = re.compile(r"[0-9]+,[0-9]*")
_SIGNS = {"C": 1, "D": -1, "RC": -1, "RD": 1}
_CHARGE = "CHG"
_YEARS_OF_1900 = 80
_LONGEST_LINE = 1000


def read_mt940(content: bytes, *, scales: Scales) -> list[Statement]:
    """Return the statements of a file: each message is one, pages of one statement included.

    Raises:
        StatementError: a field makes no sense, or one that every statement has is missing.
    """
    return [_statement(message, scales) for message in messages_of(decode(content))]


def _statement(message: Message, scales: Scales) -> Statement:
    account = _needed(message, ":25:", "25", "25P")
    opening_field = _needed(message, ":60F:", "60F", "60M", "60")
    closing_field = _needed(message, ":62F:", "62F", "62M", "62")
    opening, currency, _ = _balance(opening_field, scales)
    closing, closing_currency, closing_date = _balance(closing_field, scales)
    if closing_currency != currency:
        told = f"It is in {closing_currency}, the opening balance in {currency}."
        raise refuse_at(closing_field.where, f":{closing_field.tag}:", told)
    number = message.first("28C", "28") or message.first("20")
    return Statement(
        where=message.where,
        account=account.value.replace("\n", " "),
        currency=currency,
        statement_ref=(given(number.value) if number else None),
        opening_balance=opening,
        closing_balance=closing,
        closing_date=closing_date,
        lines=tuple(_lines(message, currency, scales)),
    )


def _needed(message: Message, name: str, *tags: str) -> Field:
    found = [field for field in message.fields if field.tag in tags]
    if not found:
        told = "It is missing: the file is cut off, or no MT940 (MT942 has no balances)."
        raise refuse_at(message.where, name, told)
    if len(found) > 1:
        raise refuse_at(found[1].where, name, "It stands twice in one statement.")
    return found[0]


def _balance(field: Field, scales: Scales) -> tuple[int, str, dt.date]:
    found = _BALANCE.fullmatch(field.value)
    name = f":{field.tag}:"
    if found is None:
        raise refuse_at(field.where, name, f"{quoted(field.value)} is not a balance.")
    currency = found["currency"].upper()
    amount = _amount(found["amount"], currency, scales, where=field.where, field=name)
    return amount * _SIGNS[found["status"].upper()], currency, _date(found.groupdict(), field)


def _lines(message: Message, currency: str, scales: Scales) -> list[Line]:
    lines: list[Line] = []
    pending: tuple[Field, list[str]] | None = None
    for field in message.fields:
        if field.tag == "61":
            _add(lines, pending, currency, scales)
            pending = (field, [])
        elif field.tag == "86" and pending is not None:
            pending[1].extend(field.lines)
        elif field.tag != "NS":
            _add(lines, pending, currency, scales)
            pending = None
    _add(lines, pending, currency, scales)
    return lines


def _add(
    lines: list[Line],
    pending: tuple[Field, list[str]] | None,
    currency: str,
    scales: Scales,
) -> None:
    if pending is None:
        return
    field, told = pending
    line = _line(
        field, read_details(told), position=len(lines) + 1, currency=currency, scales=scales
    )
    if line is not None:
        lines.append(line)


def _line(
    field: Field, details: Details, *, position: int, currency: str, scales: Scales
) -> Line | None:
    value = field.value
    found = _LINE.match(value) if len(value) <= _LONGEST_LINE else None
    if found is None or found["id"] is None:
        raise refuse_at(field.where, ":61:", f"{quoted(value)} is not a statement line.")
    units = _amount(found["amount"], currency, scales, where=field.where, field="amount")
    if units == 0:
        return None
    value_on = _date(found.groupdict(), field)
    customer_ref = given((found["customer_reference"] or "").strip())
    extra = (found["extra_details"] or "").strip()
    told = [customer_ref or "", extra, details.text]
    return Line(
        position=position,
        where=field.where,
        amount=units * _SIGNS[found["status"].upper()],
        currency=currency,
        booked_on=_entry_date(found, value_on, field),
        value_on=value_on,
        bank_ref=given((found["bank_reference"] or "").strip() or None),
        end_to_end_id=details.end_to_end_id,
        is_bank_charge=found["id"][1:].upper() == _CHARGE or details.is_bank_charge,
        counterparty_name=details.name,
        counterparty_account=details.account,
        text="\n".join(part for part in told if part),
    )


def _amount(text: str, currency: str, scales: Scales, *, where: str, field: str) -> int:
    if not _AMOUNT.fullmatch(text):
        told = f"{quoted(text)} is not an amount: MT940 has digits and one comma."
        raise refuse_at(where, field, told)
    return minor_units(
        text.replace(",", "."),
        currency=currency,
        scales=scales,
        where=where,
        field=field,
        shown=text,
    )


def _date(found: Mapping[str, str | None], field: Field) -> dt.date:
    year, month, day = (int(found[name] or "0") for name in ("year", "month", "day"))
    year += 1900 if year >= _YEARS_OF_1900 else 2000
    text = f"{year}-{month:02}-{day:02}"
    return make_date(year, month, day, text=text, where=field.where, field="date")


def _entry_date(found: re.Match[str], value_on: dt.date, field: Field) -> dt.date:
    """Return the booking day, of which the file has month and day: the nearest to the value date.

    Raises:
        StatementError: there is no such day.
    """
    month, day = (found["entry_month"] or "").strip(), (found["entry_day"] or "").strip()
    if not month and not day:
        return value_on
    near = []
    for year in (value_on.year - 1, value_on.year, value_on.year + 1):
        try:
            near.append(dt.date(year, int(month), int(day)))
        except ValueError:
            continue
    if not near:
        raise refuse_at(field.where, "entry date", f"{quoted(month + day)} is not a date.")
    return min(near, key=lambda date: abs(date - value_on))
