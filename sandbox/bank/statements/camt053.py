"""Statements as ISO 20022 camt.053, in version 08 or, as older banks do, 02."""

import datetime as dt
from collections.abc import Sequence
from typing import Literal
from xml.etree import ElementTree as ET

from sandbox.bank.account import BIC, HOLDER, BankAccount
from sandbox.bank.lines import Line, Part
from sandbox.bank.statements.statement import Statement, decimal
from sandbox.simulated.delivery_faults import KnobError

VERSIONS = ("02", "08")
_CODES = {  # domain, family, sub-family
    "credit": ("PMNT", "RCDT", "ESCT"),
    "debit": ("PMNT", "ICDT", "ESCT"),
    "charge": ("ACMT", "MDOP", "CHRG"),
    "interest": ("ACMT", "MCOP", "INTR"),
}
_TEXT_LENGTH_MAX = 140
_LAST_SECOND = dt.time(23, 59, 59)


def write_camt053(statements: Sequence[Statement], *, version: str) -> bytes:
    """Return one message with all the statements.

    Raises:
        KnobError: we do not write this version.
    """
    if version not in VERSIONS:
        raise KnobError("version", f"version is one of {', '.join(VERSIONS)}")
    return _Message(new=version == "08").write(statements, version)


class _Message:
    """One message; `new` is version 08, which says some things otherwise than 02 did."""

    def __init__(self, *, new: bool) -> None:
        self._new = new

    def write(self, statements: Sequence[Statement], version: str) -> bytes:
        name = f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"
        document = ET.Element("Document", xmlns=name)
        message = ET.SubElement(document, "BkToCstmrStmt")
        header = ET.SubElement(message, "GrpHdr")
        _text(header, "MsgId", "-".join(s.reference for s in statements)[:35])
        _text(header, "CreDtTm", _end_of(max(s.until for s in statements)))
        for statement in statements:
            self._add_statement(message, statement)
        ET.indent(document)
        content: bytes = ET.tostring(document, encoding="UTF-8", xml_declaration=True)
        return content + b"\n"

    def _add_statement(self, message: ET.Element, statement: Statement) -> None:
        parent = ET.SubElement(message, "Stmt")
        _text(parent, "Id", statement.reference)
        _text(parent, "ElctrncSeqNb", str(statement.number))
        _text(parent, "CreDtTm", _end_of(statement.until))
        days = ET.SubElement(parent, "FrToDt")
        _text(days, "FrDtTm", f"{statement.since}T00:00:00Z")
        _text(days, "ToDtTm", _end_of(statement.until))
        self._add_account(parent, statement.account)
        currency = statement.account.currency
        for code, amount, day in (
            ("OPBD", statement.opening, statement.since),
            ("CLBD", statement.closing, statement.until),
        ):
            balance = ET.SubElement(parent, "Bal")
            kind = ET.SubElement(ET.SubElement(balance, "Tp"), "CdOrPrtry")
            _text(kind, "Cd", code)
            _add_amount(balance, amount, currency)
            _text(ET.SubElement(balance, "Dt"), "Dt", day.isoformat())
        for line in statement.lines:
            self._add_line(parent, line, currency)

    def _add_account(self, parent: ET.Element, account: BankAccount) -> None:
        element = ET.SubElement(parent, "Acct")
        identifier = ET.SubElement(element, "Id")
        if account.has_iban:
            _text(identifier, "IBAN", account.identifier)
        else:
            _text(ET.SubElement(identifier, "Othr"), "Id", account.identifier)
        _text(element, "Ccy", account.currency)
        _text(ET.SubElement(element, "Ownr"), "Nm", HOLDER)
        bank = ET.SubElement(ET.SubElement(element, "Svcr"), "FinInstnId")
        _text(bank, "BICFI" if self._new else "BIC", BIC)

    def _add_line(self, parent: ET.Element, line: Line, currency: str) -> None:
        entry = ET.SubElement(parent, "Ntry")
        _text(entry, "NtryRef", str(line.seq))
        _add_amount(entry, line.amount, currency)
        if self._new:
            _text(ET.SubElement(entry, "Sts"), "Cd", "BOOK")
        else:
            _text(entry, "Sts", "BOOK")
        for name in ("BookgDt", "ValDt"):
            _text(ET.SubElement(entry, name), "Dt", line.booked_on.isoformat())
        _text(entry, "AcctSvcrRef", line.bank_ref)
        _add_code(entry, line)
        details = ET.SubElement(entry, "NtryDtls")
        if line.is_batch:
            batch = ET.SubElement(details, "Btch")
            _text(batch, "PmtInfId", line.bank_ref)
            _text(batch, "NbOfTxs", str(len(line.parts)))
            _add_amount(batch, line.amount, currency, tag="TtlAmt")
        for part in line.parts:
            self._add_part(details, line, part, currency)
        if line.kind in ("charge", "interest"):
            _text(entry, "AddtlNtryInf", line.parts[0].text)

    def _add_part(self, details: ET.Element, line: Line, part: Part, currency: str) -> None:
        element = ET.SubElement(details, "TxDtls")
        references = ET.SubElement(element, "Refs")
        _text(references, "AcctSvcrRef", part.bank_ref)
        _text(references, "EndToEndId", part.end_to_end_id[:35] or "NOTPROVIDED")
        if self._new:
            _add_amount(element, part.amount, currency)
        else:
            amounts = ET.SubElement(ET.SubElement(element, "AmtDtls"), "TxAmt")
            _text(amounts, "Amt", decimal(part.amount, currency), Ccy=currency)
        if line.kind in ("credit", "debit"):
            self._add_parties(element, part)
        if part.text:
            remittance = ET.SubElement(element, "RmtInf")
            for at in range(0, len(part.text), _TEXT_LENGTH_MAX):
                _text(remittance, "Ustrd", part.text[at : at + _TEXT_LENGTH_MAX])

    def _add_parties(self, element: ET.Element, part: Part) -> None:
        role: Literal["Dbtr", "Cdtr"] = "Dbtr" if part.amount > 0 else "Cdtr"
        parties = ET.SubElement(element, "RltdPties")
        party = ET.SubElement(parties, role)
        _text(ET.SubElement(party, "Pty") if self._new else party, "Nm", part.name)
        if part.account:
            identifier = ET.SubElement(ET.SubElement(parties, f"{role}Acct"), "Id")
            if part.account[:2].isalpha():
                _text(identifier, "IBAN", part.account)
            else:
                _text(ET.SubElement(identifier, "Othr"), "Id", part.account)


def _add_code(entry: ET.Element, line: Line) -> None:
    domain, family, sub_family = _CODES[line.kind]
    code = ET.SubElement(ET.SubElement(entry, "BkTxCd"), "Domn")
    _text(code, "Cd", domain)
    families = ET.SubElement(code, "Fmly")
    _text(families, "Cd", family)
    _text(families, "SubFmlyCd", sub_family)


def _add_amount(parent: ET.Element, amount: int, currency: str, *, tag: str = "Amt") -> None:
    _text(parent, tag, decimal(amount, currency), Ccy=currency)
    _text(parent, "CdtDbtInd", "DBIT" if amount < 0 else "CRDT")


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = text


def _end_of(day: dt.date) -> str:
    return f"{dt.datetime.combine(day, _LAST_SECOND).isoformat()}Z"
