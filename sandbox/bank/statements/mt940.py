"""Statements as MT940, with field 86 structured as German banks do (DFÜ agreement, annex 3)."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence

from sandbox.bank.account import BIC
from sandbox.bank.lines import Line
from sandbox.bank.statements.statement import Statement, decimal

# By kind: the business transaction code, its text, and the type of field 61.
_CODES = {
    "credit": ("166", "CREDIT TRANSFER", "NTRF"),
    "debit": ("116", "OUTGOING TRANSFER", "NTRF"),
    "charge": ("808", "CHARGES", "NCHG"),
    "interest": ("814", "INTEREST", "NINT"),
}
_FIELD_86_LINE = 65
_FIELD_86_LINES = 6
_CHUNK = 27
_TEXT_FIELDS = (*range(20, 30), *range(60, 64))
_FOREIGN = re.compile(r"[^A-Za-z0-9/\-:().,'+ ]")
_SPELT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "&": "+"}
)


def write_mt940(statements: Sequence[Statement]) -> bytes:
    """Return one message for each statement."""
    return "".join(_message(statement) for statement in statements).encode("ascii")


def _message(statement: Statement) -> str:
    fields = [
        f":20:{statement.reference}",
        f":25:{statement.account.identifier}",
        f":28C:{statement.number:05d}/001",
        f":60F:{_balance(statement.opening, statement.since, statement.account.currency)}",
        *(field for line in statement.lines for field in _line(line, statement)),
        f":62F:{_balance(statement.closing, statement.until, statement.account.currency)}",
    ]
    bank = BIC.ljust(12, "X")
    header = f"{{1:F01{bank}0000000000}}{{2:I940{bank}N}}{{4:"
    return "\r\n".join((header, *fields, "-}")) + "\r\n"


def _balance(amount: int, day: dt.date, currency: str) -> str:
    sign = "D" if amount < 0 else "C"
    return f"{sign}{day:%y%m%d}{currency}{_amount(amount, currency)}"


def _amount(amount: int, currency: str) -> str:
    # The comma is never left out, also where there are no decimals.
    text = decimal(amount, currency, point=",")
    return text if "," in text else f"{text},"


def _line(line: Line, statement: Statement) -> Iterator[str]:
    code, text, kind = _CODES[line.kind]
    sign = "D" if line.amount < 0 else "C"
    reference = "" if line.is_batch else _plain(line.parts[0].end_to_end_id)
    day = line.booked_on
    yield (
        f":61:{day:%y%m%d}{day:%m%d}{sign}{_amount(line.amount, statement.account.currency)}"
        f"{kind}{reference[:16] or 'NONREF'}//{line.bank_ref}"
    )
    yield from _field_86(line, code, text)


def _field_86(line: Line, code: str, text: str) -> Iterator[str]:
    chunks = [
        f"?{number}{chunk}" for number, chunk in zip(_TEXT_FIELDS, _chunks(line), strict=False)
    ]
    first = line.parts[0]
    name = f"{len(line.parts)} PAYERS" if line.is_batch else _plain(first.name)
    account = "" if line.is_batch else _plain(first.account)
    early = [chunk for chunk in chunks if chunk < "?3"]
    late = [chunk for chunk in chunks if chunk >= "?6"]
    parts = [f"?00{text}", f"?10{line.seq % 10**6:06d}", *early]
    parts += [f"?31{account}"] if account else []
    parts += [f"?32{name[:_CHUNK]}", *late]
    written = code + "".join(parts)
    written = written[: _FIELD_86_LINE * _FIELD_86_LINES]
    yield ":86:" + "\r\n".join(
        written[at : at + _FIELD_86_LINE] for at in range(0, len(written), _FIELD_86_LINE)
    )


def _chunks(line: Line) -> Iterator[str]:
    """The text in pieces of 27 characters; what each piece says stands before its first word."""
    texts = []
    if not line.is_batch and line.parts[0].end_to_end_id:
        texts.append(f"EREF+{_plain(line.parts[0].end_to_end_id)}")
    texts.append("SVWZ+" + " ".join(_plain(part.text) for part in line.parts))
    for text in texts:
        for at in range(0, len(text), _CHUNK):
            yield text[at : at + _CHUNK]


def _plain(text: str) -> str:
    """The text in the characters that SWIFT knows."""
    return _FOREIGN.sub(".", text.translate(_SPELT))
