"""What field 86 tells of a line: the forms of German and of Dutch banks, or plain text.

German: `166?00GUTSCHRIFT?20EREF+…?21SVWZ+…?32NAME`, in pieces of 27 characters. Dutch:
`/TRTP/SEPA OVERBOEKING/IBAN/…/NAME/…/REMI/…/EREF/…`. Lines of both are broken anywhere.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from payments.reconciliation.statements.placeholders import given

_GERMAN = re.compile(r"(?P<code>[0-9]{3})(?P<mark>[^0-9A-Za-z\s])[0-9]{2}")
_PIECE = 27  # characters in a full subfield: its text goes on in the next one
_PURPOSE = ("20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "60", "61", "62", "63")
# Names of SEPA's parts inside the purpose, by the German banks' DFÜ agreement, annex 3.
_SEPA_PART = re.compile(
    r"(?<![A-Z])(EREF|KREF|MREF|BREF|RREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|PURP|IBAN|BIC)[+:]"
)
_DUTCH = re.compile(r"/[A-Z]{3,4}/")
_DUTCH_PART = re.compile(
    r"/(TRTP|IBAN|BIC|NAME|REMI|EREF|KREF|PREF|IREF|RTRN|MARF|CSID|ORDP|BENM|CNTP|TRCD|ISDT"
    r"|SVCL|PURP|ULTC|ULTD|ULTB|ID|ADDR|SWOC|ACSI)/"
)
# Business transaction codes of the same annex: charges and commissions of the bank itself.
_GERMAN_CHARGES = frozenset({"808", "809"})


@dataclass(frozen=True)
class Details:
    """What could be made out; `text` is everything, however it was structured."""

    text: str
    end_to_end_id: str | None = None
    name: str | None = None
    account: str | None = None
    is_bank_charge: bool = False


def read_details(lines: list[str]) -> Details:
    """Return the details of a field 86 from its lines."""
    joined = "".join(lines)
    german = _GERMAN.match(joined)
    if german is not None:
        return _german(joined[3:], mark=german["mark"], code=german["code"])
    if _DUTCH.match(joined):
        return _dutch(joined)
    return Details("\n".join(line.strip() for line in lines if line.strip()))


def _german(text: str, *, mark: str, code: str) -> Details:
    pieces: dict[str, list[str]] = {}
    for piece in re.split(re.escape(mark) + r"(?=[0-9]{2})", text)[1:]:
        pieces.setdefault(piece[:2], []).append(piece[2:])
    parts = {key: "".join(told) for key, told in pieces.items()}
    purpose = _joined([parts[key] for key in _PURPOSE if key in parts])
    name = (parts.get("32", "") + parts.get("33", "")).strip()
    bank, account = parts.get("30", "").strip(), parts.get("31", "").strip()
    rest = [parts[key] for key in parts if key not in (*_PURPOSE, "30", "31", "32", "33", "10")]
    told = [purpose, *rest]
    return Details(
        text="\n".join(part.strip() for part in told if part.strip()),
        end_to_end_id=given(_sepa_part(purpose, "EREF")),
        name=name or None,
        account=_account(bank, account),
        is_bank_charge=code in _GERMAN_CHARGES,
    )


def _joined(pieces: list[str]) -> str:
    """Put pieces together: a full one goes on in the next, unless that begins a part by itself."""
    text = []
    for piece, following in pairwise([*pieces, ""]):
        goes_on = len(piece) >= _PIECE and not _SEPA_PART.match(following)
        text.append(piece if goes_on else piece + "\n")
    return "".join(text).strip()


def _sepa_part(purpose: str, name: str) -> str | None:
    found = list(_SEPA_PART.finditer(purpose))
    for number, part in enumerate(found):
        if part[1] == name:
            end = found[number + 1].start() if number + 1 < len(found) else len(purpose)
            return purpose[part.end() : end].split("\n", maxsplit=1)[0].strip() or None
    return None


def _account(bank: str, account: str) -> str | None:
    """Return the account; a national number alone needs the bank's before it."""
    if account and bank.isdigit() and not account[:2].isalpha():
        return f"{bank}/{account}"
    return account or None


def _dutch(text: str) -> Details:
    cut = _DUTCH_PART.split(text)
    parts: dict[str, str] = {}
    for name, told in zip(cut[1::2], cut[2::2], strict=True):
        parts.setdefault(name, told.strip(" /"))
    counterparty = parts.get("CNTP", "").split("/")
    name = parts.get("NAME") or (counterparty[2] if len(counterparty) > 2 else "")  # noqa: PLR2004 - account, BIC, name
    account = parts.get("IBAN") or counterparty[0]
    return Details(
        text="\n".join(part.strip(" /") for part in cut[2::2] if part.strip(" /")),
        end_to_end_id=given(parts.get("EREF") or None),
        name=name.strip() or None,
        account=account.strip() or None,
    )
