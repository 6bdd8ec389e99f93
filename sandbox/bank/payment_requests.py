"""What a request for a payment has to say, as TrueLayer checks it."""

import re
from typing import Any

from sandbox.bank.account import new_id
from sandbox.bank.books import Books
from sandbox.bank.refusals import Refusal, invalid
from sandbox.simulated.store import Resource

REFERENCE_LENGTH_MAX = 18
METADATA_MAX = 10
_AMOUNT_MAX = 10**12
_REFERENCE = re.compile(rf"[A-Za-z0-9 .\-/&]{{1,{REFERENCE_LENGTH_MAX}}}")


def read_request(books: Books, wanted: Resource) -> Resource:
    """The payment that is asked for.

    Raises:
        Refusal: names the first field that cannot be used.
    """
    amount = read_amount(wanted)
    method = _object(wanted, "payment_method")
    if method.get("type") != "bank_transfer":
        raise invalid("payment_method.type", "It has to be bank_transfer.")
    beneficiary = _object(method, "beneficiary")
    if beneficiary.get("type") != "merchant_account":
        raise invalid("payment_method.beneficiary.type", "It has to be merchant_account.")
    try:
        account = books.bank_account(str(beneficiary.get("merchant_account_id")))
    except Refusal:
        raise invalid(
            "payment_method.beneficiary.merchant_account_id", "There is no such account."
        ) from None
    if wanted.get("currency") != account.currency:
        raise invalid("currency", f"The merchant account takes {account.currency}.")
    reference = read_reference(beneficiary.get("reference"))
    user = _object(wanted, "user")
    if not user.get("name") or not (user.get("email") or user.get("phone")):
        raise invalid("user", "It needs a name, and an email or a phone number.")
    return {
        "amount_in_minor": amount,
        "currency": account.currency,
        "user": {"id": user.get("id") or new_id()},
        "user_name": user["name"],
        "payment_method": method | {"beneficiary": beneficiary | {"reference": reference}},
        "metadata": read_metadata(wanted),
    }


def read_amount(wanted: Resource) -> int:
    """The amount in minor units.

    Raises:
        Refusal: it is none.
    """
    amount = wanted.get("amount_in_minor")
    if type(amount) is not int or not 0 < amount < _AMOUNT_MAX:
        raise invalid("amount_in_minor", "It has to be a whole number above zero.")
    return amount


def read_reference(reference: Any) -> str:
    """What statements are to quote; made up if nothing is asked for.

    Raises:
        Refusal: it does not fit the schemes.
    """
    if reference is None:
        return new_id().replace("-", "")[:REFERENCE_LENGTH_MAX].upper()
    if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
        raise invalid("reference", f"It has up to {REFERENCE_LENGTH_MAX} letters and digits.")
    return reference


def read_metadata(wanted: Resource) -> dict[str, str]:
    """Up to ten pairs of texts.

    Raises:
        Refusal: it is something else.
    """
    metadata = wanted.get("metadata", {})
    fits = (
        isinstance(metadata, dict)
        and len(metadata) <= METADATA_MAX
        and all(isinstance(text, str) for pair in metadata.items() for text in pair)
    )
    if not fits:
        raise invalid("metadata", f"It has up to {METADATA_MAX} pairs of texts.")
    return dict(metadata)


def _object(wanted: Resource, name: str) -> Resource:
    found = wanted.get(name)
    if not isinstance(found, dict):
        raise invalid(name, "It has to be an object.")
    return found
