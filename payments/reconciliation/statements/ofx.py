"""OFX 1 and 2, as banks and card issuers export it: FITID, TRNAMT and, where it fits, LEDGERBAL.

OFX has no opening balance. The closing one is taken when it is of the end of the period, and the
opening is what it was before the lines: it proves nothing about them, and joins statements.
"""

import datetime as dt
import re
import xml.etree.ElementTree as ET
from xml.sax.saxutils import unescape

from payments.reconciliation.statements.errors import quoted, refuse_at, refuse_file
from payments.reconciliation.statements.model import Line, Statement
from payments.reconciliation.statements.ofx_tree import read_tree
from payments.reconciliation.statements.placeholders import given
from payments.reconciliation.statements.values import Scales, make_date, minor_units

_STATEMENTS = ("STMTRS", "CCSTMTRS")
_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
    r"(?:[0-9]{4,6}(?:\.[0-9]{1,6})?)?(?:\[[^\]]{0,20}\])?"
)
_CHARGES = frozenset({"SRVCHG", "FEE"})
_ENTITIES = {"&nbsp;": " ", "&quot;": '"', "&apos;": "'"}


def read_ofx(content: bytes, *, scales: Scales) -> list[Statement]:
    """Return the statements of bank accounts and cards of a file.

    Raises:
        StatementError: it is not OFX, or says something that cannot be.
    """
    root = read_tree(content)
    if root.find(".//INVSTMTRS") is not None:
        raise refuse_file("The OFX file is of an investment account, not of a bank account.")
    return [_statement(found, scales) for kind in _STATEMENTS for found in root.iter(kind)]


def _statement(element: ET.Element, scales: Scales) -> Statement:
    where = f"statement of {_where(element)}"
    currency = _needed(element, "CURDEF", where=where)
    account = element.find("BANKACCTFROM")
    if account is None:
        account = element.find("CCACCTFROM")
    if account is None:
        raise refuse_at(where, "BANKACCTFROM", "The statement does not say what account it is of.")
    number = _needed(account, "ACCTID", where=where)
    bank = _text(account, "BANKID")
    listed = element.find("BANKTRANLIST")
    lines: list[Line] = []
    for found in () if listed is None else listed.iterfind("STMTTRN"):
        line = _line(found, position=len(lines) + 1, currency=currency, scales=scales)
        if line is not None:
            lines.append(line)
    from_date = _optional_date(listed, "DTSTART", where=where)
    to_date = _optional_date(listed, "DTEND", where=where)
    closing = _closing(element, to_date, lines, currency=currency, scales=scales)
    moved = sum(line.amount for line in lines)
    return Statement(
        where=where,
        account=f"{bank}/{number}" if bank else number,
        currency=currency,
        from_date=from_date,
        to_date=to_date,
        opening_balance=None if closing is None else closing[0] - moved,
        closing_balance=closing and closing[0],
        closing_date=closing and closing[1],
        lines=tuple(lines),
    )


def _closing(
    element: ET.Element,
    to_date: dt.date | None,
    lines: list[Line],
    *,
    currency: str,
    scales: Scales,
) -> tuple[int, dt.date] | None:
    """Return the ledger balance and its day, unless it is of another time than the period's end."""
    held = element.find("LEDGERBAL")
    if held is None:
        return None
    where = _where(held)
    balance = _amount(held, "BALAMT", where=where, currency=currency, scales=scales)
    as_of = _date(held, "DTASOF", where=where)
    if to_date is None or as_of > to_date or any(line.booked_on > as_of for line in lines):
        return None
    return balance, as_of


def _line(element: ET.Element, *, position: int, currency: str, scales: Scales) -> Line | None:
    where = _where(element)
    if element.find("CORRECTFITID") is not None:
        told = "The bank corrects an earlier line: export anew the whole period since that line."
        raise refuse_at(where, "CORRECTFITID", told)
    stated = _text(element, "CURRENCY/CURSYM") or currency
    amount = _amount(element, "TRNAMT", where=where, currency=stated, scales=scales)
    if amount == 0:
        return None
    booked_on = _date(element, "DTPOSTED", where=where)
    value_on = _optional_date(element, "DTAVAIL", where=where)
    number = _text(element, "BANKACCTTO/ACCTID") or _text(element, "CCACCTTO/ACCTID")
    texts = [_text(element, tag) for tag in ("REFNUM", "CHECKNUM", "EXTDNAME", "MEMO", "MEMO2")]
    return Line(
        position=position,
        where=where,
        amount=amount,
        currency=stated,
        booked_on=booked_on,
        value_on=value_on or booked_on,
        bank_ref=given(_text(element, "FITID")),
        is_bank_charge=_text(element, "TRNTYPE") in _CHARGES,
        counterparty_name=_text(element, "NAME") or _text(element, "PAYEE/NAME"),
        counterparty_account=number,
        text="\n".join(part for part in texts if part),
    )


def _where(element: ET.Element) -> str:
    return f"line {element.get('line')}"


def _text(element: ET.Element, path: str) -> str | None:
    found = element.find(path)
    if found is None or not found.text:
        return None
    return unescape(found.text, _ENTITIES).strip() or None


def _needed(element: ET.Element, path: str, *, where: str) -> str:
    text = _text(element, path)
    if text is None:
        raise refuse_at(where, path, "It is missing.")
    return text


def _amount(element: ET.Element, tag: str, *, where: str, currency: str, scales: Scales) -> int:
    text = _needed(element, tag, where=where)
    return minor_units(
        text.replace(",", "."), currency=currency, scales=scales, where=where, field=tag, shown=text
    )


def _date(element: ET.Element, tag: str, *, where: str) -> dt.date:
    text = _needed(element, tag, where=where)
    found = _DATE.fullmatch(text)
    if found is None:
        raise refuse_at(where, tag, f"{quoted(text)} is not a date.")
    year, month, day = (int(found[name]) for name in ("year", "month", "day"))
    return make_date(year, month, day, text=text, where=where, field=tag)


def _optional_date(element: ET.Element | None, tag: str, *, where: str) -> dt.date | None:
    if element is None or _text(element, tag) is None:
        return None
    return _date(element, tag, where=where)
