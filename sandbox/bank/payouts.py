"""Payouts from our accounts to anybody's: pending, then executed or failed after a while.

As described at https://docs.truelayer.com/docs/make-a-payout-to-an-external-account.
"""

import re
from typing import Any

from sandbox.bank import movements
from sandbox.bank.account import new_id
from sandbox.bank.books import Books
from sandbox.bank.payment_requests import read_amount, read_metadata, read_reference
from sandbox.bank.refusals import Refusal, invalid, invalid_state
from sandbox.simulated.replays import Answer
from sandbox.simulated.store import Resource

_HIDDEN = ("object", "created", "account")
_FINAL = ("executed", "failed")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_IDENTIFIER = "beneficiary.account_identifier"


def create(books: Books, wanted: Resource) -> Answer:
    """Take a payout on; whether our account has the money shows when it is executed."""
    amount = read_amount(wanted)
    try:
        account = books.bank_account(str(wanted.get("merchant_account_id")))
    except Refusal:
        raise invalid("merchant_account_id", "There is no such account.") from None
    if wanted.get("currency") != account.currency:
        raise invalid("currency", f"The merchant account has {account.currency}.")
    payout: Resource = {
        "id": new_id(),
        "object": "payout",
        "created": int(books.account.now()),
        "account": account.name,
        "merchant_account_id": account.id,
        "amount_in_minor": amount,
        "currency": account.currency,
        "beneficiary": _read_beneficiary(wanted.get("beneficiary")),
        "metadata": read_metadata(wanted),
        "scheme_id": "sepa_credit_transfer_instant",
        "status": "pending",
        "created_at": books.account.moment,
    }
    books.transaction.put(payout)
    books.put_off("payout", payout["id"], moment="payout_s")
    return Answer(202, {"id": payout["id"]})


def show(payout: Resource) -> Resource:
    """The payout as the API shows it."""
    return {name: value for name, value in payout.items() if name not in _HIDDEN}


def advance(books: Books, payout_id: str) -> None:
    """Take the next step of a payout, if it is due; nothing happens to one that is held."""
    payout = books.find("payout", payout_id)
    outcome = books.outcome("payouts")
    if payout["status"] == "pending" and outcome != "held":
        payout |= {"status": "authorized", "authorized_at": books.account.moment}
        books.transaction.put(payout)
        books.put_off("payout", payout_id, moment="payout_s")
    elif payout["status"] == "authorized":
        if outcome == "failed":
            fail(books, payout_id, books.outcome("failure_reason"))
        elif outcome == "executed":
            execute(books, payout_id)


def execute(books: Books, payout_id: str) -> Resource:
    """Send the money, if our account has it."""
    payout = books.find("payout", payout_id)
    if payout["status"] in _FINAL:
        raise invalid_state(f"The payout is {payout['status']}.")
    account = books.bank_account(payout["account"])
    if movements.balance_of(books, account) < payout["amount_in_minor"]:
        return fail(books, payout_id, "insufficient_funds")
    payout |= {"status": "executed", "executed_at": books.account.moment}
    books.transaction.put(payout)
    _tell(books, payout, "payout_executed", "executed_at", scheme_id=payout["scheme_id"])
    _move_money(books, payout, sign=-1)
    return payout


def fail(books: Books, payout_id: str, reason: str) -> Resource:
    """Fail a payout; one that was executed comes back, and its money with it."""
    payout = books.find("payout", payout_id)
    if payout["status"] == "failed":
        raise invalid_state("The payout has failed already.")
    was_executed = payout["status"] == "executed"
    payout |= {
        "status": "failed",
        "failed_at": books.account.moment,
        "failure_reason": "returned" if was_executed else reason,
    }
    books.transaction.put(payout)
    _tell(books, payout, "payout_failed", "failed_at", failure_reason=payout["failure_reason"])
    if was_executed:
        _move_money(books, payout, sign=1)
    return payout


def _read_beneficiary(wanted: Any) -> Resource:
    """Check who is paid: a bank account outside, by its IBAN."""
    if not isinstance(wanted, dict) or wanted.get("type") != "external_account":
        raise invalid("beneficiary.type", "It has to be external_account.")
    if not wanted.get("account_holder_name"):
        raise invalid("beneficiary.account_holder_name", "It is missing.")
    identifier = wanted.get("account_identifier")
    if not isinstance(identifier, dict) or identifier.get("type") != "iban":
        raise invalid(f"{_IDENTIFIER}.type", "It has to be iban.")
    iban = str(identifier.get("iban"))
    if not _IBAN.fullmatch(iban) or _remainder(iban) != 1:
        raise invalid(f"{_IDENTIFIER}.iban", "It is not the IBAN of an account.")
    return {
        "type": "external_account",
        "reference": read_reference(wanted.get("reference")),
        "account_holder_name": str(wanted["account_holder_name"]),
        "account_identifiers": [{"type": "iban", "iban": iban}],
    }


def _remainder(iban: str) -> int:
    """What ISO 13616 checks: with its head at the end and letters as numbers, modulo 97."""
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97


def _move_money(books: Books, payout: Resource, *, sign: int) -> None:
    beneficiary = payout["beneficiary"]
    reference, name = beneficiary["reference"], beneficiary["account_holder_name"]
    wire = {
        "type": "payout",
        "status": "executed",
        "created_at": payout["created_at"],
        "executed_at": payout["executed_at"],
        "payout_id": payout["id"],
        "beneficiary": beneficiary,
        "context_code": "withdrawal",
    }
    if sign > 0:  # it came back: to TrueLayer money from outside, to the bank a returned transfer
        wire = {
            "type": "external_payment",
            "status": "settled",
            "settled_at": payout["failed_at"],
            "remitter": {"account_holder_name": name, "reference": reference},
            "return_for": {"type": "payout", "returned_id": payout["id"]},
        }
    movements.move(
        books,
        movements.Movement(
            books.bank_account(payout["account"]),
            sign * payout["amount_in_minor"],
            wire,
            name=name,
            their_account=beneficiary["account_identifiers"][0]["iban"],
            text=reference if sign < 0 else f"RETURNED {reference}",
            end_to_end_id=reference,
        ),
    )


def _tell(books: Books, payout: Resource, kind: str, moment: str, **fields: str) -> None:
    told = {"payout_id": payout["id"], moment: payout[moment]}
    about = {"beneficiary": payout["beneficiary"], "currency": payout["currency"]}
    books.tell(
        kind, payout, merchant_account_id=payout["merchant_account_id"], **told, **about, **fields
    )
