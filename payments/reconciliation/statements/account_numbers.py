"""Whether two ways of writing an account number mean one account.

Statements write IBANs with and without spaces, or the national number that the IBAN holds, with
the bank's number before it or alone, with zeros lost and with the currency behind.
"""

import re

_SEPARATORS = re.compile(r"[^0-9A-Z]+")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}")
_SHORTEST_NUMBER = 5
# Where the account's own number begins in the national number (SWIFT's IBAN registry): behind
# the bank's, and in the United Kingdom behind the sort code, which may stand before it.
_STARTS = {"DE": (8,), "NL": (4,), "GB": (4, 10), "AT": (5,), "CH": (5,), "SE": (3,)}


def is_same_account(named: str, ours: str, *, currency: str) -> bool:
    """Whether a statement that names the account `named` is of `ours`, the setting.

    A bank's number that both give must be the same; one that only one gives is not compared.
    """
    folded, our_folded = _fold(named, currency), _fold(ours, currency)
    iban, our_iban = (_IBAN.fullmatch(number) is not None for number in (folded, our_folded))
    if folded == our_folded or (iban and our_iban):
        return folded == our_folded != ""
    bank, has_bank, number = (part.strip() for part in named.rpartition("/"))
    our_bank, our_has_bank, our_number = (part.strip() for part in ours.rpartition("/"))
    if iban:
        return _is_national(folded, our_bank, our_number, whole=our_folded)
    if our_iban:
        return _is_national(our_folded, bank, _fold(number, currency), whole=folded)
    if has_bank and our_has_bank:
        return False
    return _is_number(_fold(number, currency), _fold(our_number, currency))


def _fold(number: str, currency: str) -> str:
    folded = _SEPARATORS.sub("", number.upper())
    is_with_currency = len(folded) > len(currency) and folded[-4:-3].isdigit()
    return folded.removesuffix(currency) if is_with_currency else folded


def _is_national(iban: str, bank: str, number: str, *, whole: str) -> bool:
    """Whether a national number, with or without the bank's, is the one that the IBAN holds."""
    national = iban[4:]
    if _is_number(whole, national):
        return True
    number = _SEPARATORS.sub("", number.upper())
    bank = _SEPARATORS.sub("", bank.upper())
    return any(
        _is_number(number, national[start:])
        and (not bank.isdigit() or bank.lstrip("0") == national[:start].lstrip("0"))
        for start in _STARTS.get(iban[:2], ())
    )


def _is_number(one: str, other: str) -> bool:
    one, other = one.lstrip("0"), other.lstrip("0")
    return one == other and len(one) >= _SHORTEST_NUMBER
