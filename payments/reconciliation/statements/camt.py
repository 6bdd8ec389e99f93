"""camt.052 and camt.053 (ISO 20022), every version: elements are found by their local names.

The XML is read as hostile: no document type, no entities, no network, no other file; libxml2's own
limits on depth and size of texts stay on.
"""

import datetime as dt
from collections.abc import Iterator
from io import BytesIO

from lxml import etree

from payments.reconciliation.statements.camt_balances import Balance, opening_and_closing
from payments.reconciliation.statements.camt_elements import (
    amount_of,
    date_of,
    first,
    local_name,
    text_of,
)
from payments.reconciliation.statements.camt_entries import read_entry
from payments.reconciliation.statements.errors import refuse_at, refuse_file
from payments.reconciliation.statements.model import Line, Statement
from payments.reconciliation.statements.values import Scales

_CONTAINERS = {"Stmt": "BkToCstmrStmt", "Rpt": "BkToCstmrAcctRpt"}
_FINAL = frozenset({"Stmt"})
_HOSTILE = "The XML declares a document type or entities, which no bank statement does."
_LOOKED_AT = 1 << 16
_CUT_OFF = "The XML is broken or cut off: export the statement again, and whole."


def read_camt(content: bytes, *, scales: Scales) -> list[Statement]:
    """Return the statements (camt.053) or reports (camt.052) of a file, with booked lines only.

    What is pending or for information is left out, and so is a line of nothing (0.00).

    Raises:
        StatementError: it is not well-formed, hostile, or says something that cannot be.
    """
    if b"<!DOCTYPE" in content[:_LOOKED_AT].replace(b"\0", b"") or b"<!ENTITY" in content:
        raise refuse_file(_HOSTILE)
    try:
        return list(_statements(content, scales))
    except (etree.LxmlError, LookupError, UnicodeError) as error:
        line = getattr(error, "lineno", None)
        raise refuse_file(_CUT_OFF + (f" (Line {line}.)" if line else "")) from error


def _statements(content: bytes, scales: Scales) -> Iterator[Statement]:
    walk = etree.iterparse(
        BytesIO(content),
        events=("end",),
        tag=("{*}Ntry", *(f"{{*}}{name}" for name in _CONTAINERS)),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    lines: list[Line] = []
    statements = entries = 0
    container = account = None
    for _, element in walk:
        if not entries and not statements:
            _refuse_document_type(element)
        parent = element.getparent()
        name = local_name(element)
        if name == "Ntry" and parent is not None and _is_container(parent):
            entries += 1
            where = _where(f"entry {entries}", element)
            if parent is not container:  # a look-up costs a walk over all entries so far
                container, account = parent, _account(parent)
            line = read_entry(
                element, position=len(lines) + 1, where=where, account=account, scales=scales
            )
            if line is not None:
                lines.append(line)
            element.clear()
        elif _is_container(element):
            statements += 1
            where = _where(f"statement {statements}", element)
            yield _statement(element, where=where, lines=tuple(lines), scales=scales)
            lines = []
            element.clear()


def _is_container(element: etree._Element) -> bool:
    parent = element.getparent()
    if parent is None:
        return False
    name = local_name(element)
    return _CONTAINERS.get(name) == local_name(parent)


def _account(container: etree._Element) -> str | None:
    held = first(container, "Acct", "Id")
    return None if held is None else text_of(held, "IBAN") or text_of(held, "Othr", "Id")


def _refuse_document_type(element: etree._Element) -> None:
    info = element.getroottree().docinfo
    if info.internalDTD is not None:
        raise refuse_file(_HOSTILE)


def _statement(
    element: etree._Element, *, where: str, lines: tuple[Line, ...], scales: Scales
) -> Statement:
    balances = [_balance(found, where=where, scales=scales) for found in element.findall("{*}Bal")]
    account = _account(element)
    if account is None:
        raise refuse_at(where, "Acct", "The statement does not say what account it is of.")
    currency = text_of(element, "Acct", "Ccy") or _only_currency(balances, lines)
    if currency is None:
        raise refuse_at(where, "Acct/Ccy", "The statement does not say its currency.")
    booked = opening_and_closing(
        balances,
        is_final=local_name(element) in _FINAL,
        currency=currency,
        moved=sum(line.amount for line in lines),
        where=where,
    )
    return Statement(
        where=where,
        account=account,
        currency=currency,
        statement_ref=text_of(element, "Id"),
        from_date=_period(element, "FrDtTm", "FrDt", where),
        to_date=_period(element, "ToDtTm", "ToDt", where),
        opening_balance=booked and booked[0].amount,
        closing_balance=booked and booked[1].amount,
        closing_date=booked and booked[1].date,
        lines=lines,
    )


def _only_currency(balances: list[Balance], lines: tuple[Line, ...]) -> str | None:
    """Return the currency of the first balance or line: `checks` finds those that differ."""
    currencies = [*(held.currency for held in balances), *(line.currency for line in lines)]
    return next(iter(currencies), None)


def _balance(element: etree._Element, *, where: str, scales: Scales) -> Balance:
    kind = text_of(element, "Tp", "CdOrPrtry", "Cd") or text_of(element, "Tp", "CdOrPrtry", "Prtry")
    field = f"balance {kind or ''}".strip()
    amount, currency = amount_of(element, where=where, field=field, scales=scales)
    return Balance(
        kind=kind or "",
        amount=amount,
        currency=currency,
        date=date_of(first(element, "Dt"), where=where, field=field),
    )


def _period(element: etree._Element, moment: str, day: str, where: str) -> dt.date | None:
    period = first(element, "FrToDt")
    found = None if period is None else next(iter(period.iterfind(f"{{*}}{moment}")), None)
    if found is None and period is not None:
        found = first(period, day)
    return None if found is None else date_of(found, where=where, field=moment)


def _where(what: str, element: etree._Element) -> str:
    return f"{what} (line {element.sourceline})"
