"""One camt entry: what moved, when, and every text by which it may be recognised.

A batch (one entry of several transactions) stays one line, since that is what moved; the
references of its transactions stand in the line's text.
"""

from collections.abc import Iterator

from lxml import etree

from payments.reconciliation.statements.account_numbers import is_same_account
from payments.reconciliation.statements.camt_elements import (
    amount_of,
    date_of,
    first,
    local_name,
    own_text,
    text_of,
    texts_of,
)
from payments.reconciliation.statements.errors import quoted, refuse_at
from payments.reconciliation.statements.model import Line
from payments.reconciliation.statements.placeholders import given
from payments.reconciliation.statements.values import Scales

_BOOKED = "BOOK"
_NOT_BOOKED = frozenset({"PDNG", "INFO", "FUTR"})
# Sub-families of ISO 20022's external bank transaction codes that are the bank's own charges.
_CHARGES = frozenset({"CHRG", "FEES", "COMM", "COME", "COMI", "COMT"})
_SWIFT_CHARGE = "NCHG"
_REFERENCES = frozenset(
    {
        "EndToEndId",
        "InstrId",
        "TxId",
        "UETR",
        "PmtInfId",
        "MsgId",
        "MndtId",
        "ChqNb",
        "ClrSysRef",
        "AcctSvcrRef",
    }
)
_REMITTANCE: tuple[tuple[str, ...], ...] = (
    ("Ustrd",),
    ("Strd", "CdtrRefInf", "Ref"),
    ("Strd", "RfrdDocInf", "Nb"),
    ("Strd", "AddtlRmtInf"),
)


def read_entry(
    entry: etree._Element, *, position: int, where: str, account: str | None, scales: Scales
) -> Line | None:
    """Return the line, or None for an entry that is not booked or moves nothing.

    Raises:
        StatementError: the entry's amount, direction, status or dates make no sense.
    """
    if not _is_booked(entry, where):
        return None
    amount, currency = amount_of(entry, where=where, field="amount", scales=scales)
    if amount == 0:
        return None
    value = first(entry, "ValDt")
    booked = first(entry, "BookgDt")
    booked_on = date_of(value if booked is None else booked, where=where, field="booked on")
    details = entry.findall("{*}NtryDtls/{*}TxDtls")
    only = details[0] if len(details) == 1 else None
    name, number = _counterparty(
        only, is_credit=amount > 0, is_reversal=_is_reversal(entry), account=account
    )
    return Line(
        position=position,
        where=where,
        amount=amount,
        currency=currency,
        booked_on=booked_on,
        value_on=booked_on if value is None else date_of(value, where=where, field="value date"),
        bank_ref=_bank_ref(entry, only),
        end_to_end_id=None if only is None else given(text_of(only, "Refs", "EndToEndId")),
        batch_ref=_batch_ref(entry, details),
        is_bank_charge=_is_charge(entry, details),
        counterparty_name=name,
        counterparty_account=number,
        text="\n".join(dict.fromkeys(_texts(entry, details))),
    )


def _is_booked(entry: etree._Element, where: str) -> bool:
    status = text_of(entry, "Sts", "Cd") or text_of(entry, "Sts") or text_of(entry, "Sts", "Prtry")
    if status in _NOT_BOOKED:
        return False
    if status != _BOOKED:
        raise refuse_at(where, "status", f"{quoted(status or '')} is not BOOK, PDNG or INFO.")
    return True


def _is_reversal(entry: etree._Element) -> bool:
    return text_of(entry, "RvslInd") in ("true", "1")


def _bank_ref(entry: etree._Element, only: etree._Element | None) -> str | None:
    found = given(text_of(entry, "AcctSvcrRef"))
    if found is None and only is not None:
        found = given(text_of(only, "Refs", "AcctSvcrRef"))
    return found


def _batch_ref(entry: etree._Element, details: list[etree._Element]) -> str | None:
    batch = first(entry, "NtryDtls", "Btch")
    holders = [] if batch is None else [batch]
    holders += [refs for detail in details[:1] if (refs := first(detail, "Refs")) is not None]
    if batch is None and len(details) < 2:  # noqa: PLR2004 - one is no batch
        return None
    named = (given(text_of(holder, name)) for name in ("PmtInfId", "MsgId") for holder in holders)
    return next((found for found in named if found), None)


def _is_charge(entry: etree._Element, details: list[etree._Element]) -> bool:
    own = first(entry, "BkTxCd")
    codes = [found for detail in details if (found := first(detail, "BkTxCd")) is not None]
    if own is not None and _is_charge_code(own):
        return True
    return bool(codes) and len(codes) == len(details) and all(map(_is_charge_code, codes))


def _is_charge_code(code: etree._Element) -> bool:
    if text_of(code, "Domn", "Fmly", "SubFmlyCd") in _CHARGES:
        return True
    own = text_of(code, "Prtry", "Cd") or ""
    return own.split("+")[0] == _SWIFT_CHARGE


def _counterparty(
    detail: etree._Element | None, *, is_credit: bool, is_reversal: bool, account: str | None
) -> tuple[str | None, str | None]:
    """Return the other party's name and account; a reversal keeps the parties of what it undoes."""
    parties = None if detail is None else first(detail, "RltdPties")
    if parties is None:
        return None, None
    other, own = ("Dbtr", "Cdtr") if is_credit != is_reversal else ("Cdtr", "Dbtr")
    for role in (other, own):
        name = text_of(parties, role, "Nm") or text_of(parties, role, "Pty", "Nm")
        held = first(parties, f"{role}Acct", "Id")
        number = None
        if held is not None:
            number = text_of(held, "IBAN") or text_of(held, "Othr", "Id")
        is_ours = bool(number and account and is_same_account(number, account, currency=""))
        if (name or number) and not is_ours:
            return name, number
    return None, None


def _texts(entry: etree._Element, details: list[etree._Element]) -> Iterator[str]:
    yield from texts_of(entry, "AddtlNtryInf")
    yield from texts_of(entry, "NtryDtls", "Btch", "MsgId")
    for detail in details:
        refs, remittance = first(detail, "Refs"), first(detail, "RmtInf")
        if refs is not None:
            yield from _references(refs)
        if remittance is not None:
            for path in _REMITTANCE:
                yield from texts_of(remittance, *path)
        yield from texts_of(detail, "RtrInf", "Rsn", "Cd")
        yield from texts_of(detail, "RtrInf", "AddtlInf")
        yield from texts_of(detail, "AddtlTxInf")


def _references(refs: etree._Element) -> Iterator[str]:
    for child in refs:
        name = local_name(child)
        text = text_of(child, "Ref") if name == "Prtry" else own_text(child)
        if (name in _REFERENCES or name == "Prtry") and given(text):
            yield text or ""
