"""Reversals: transferred money taken back from a connected account, in part or whole.

As described at https://docs.stripe.com/api/transfer_reversals.
"""

from sandbox.stripe import balance
from sandbox.stripe.account import new_id
from sandbox.stripe.balance import Movement
from sandbox.stripe.books import Books
from sandbox.stripe.forms import Parameters
from sandbox.stripe.lists import Conditions, as_list, page
from sandbox.stripe.refusals import Resource, invalid

_SHOWN_AT_ONCE = 10


def create(books: Books, transfer_id: str, parameters: Parameters) -> Resource:
    """Take back `amount`, or all that is left of the transfer."""
    amount = parameters.integer("amount")
    wanted: Resource = {
        "description": parameters.text("description"),
        "metadata": parameters.metadata(),
    }
    parameters.refuse_rest()
    return reverse(books, transfer_id, amount, wanted)


def reverse(
    books: Books, transfer_id: str, amount: int | None, wanted: Resource | None = None
) -> Resource:
    """Take back `amount`, or all that is left; the transfer says so, and an event tells."""
    transfer = books.find("transfer", transfer_id)
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        raise invalid("amount", f"Reversal amount ({amount}) is not within what is left ({left}).")
    wanted = wanted or {}
    reversal: Resource = {
        "id": new_id("trr"),
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": None,
        "created": books.account.created,
        "currency": transfer["currency"],
        "destination_payment_refund": new_id("pyr"),
        "metadata": wanted.get("metadata", {}),
        "source_refund": None,
        "transfer": transfer_id,
    }
    reversal["balance_transaction"] = _book(books, transfer, reversal, wanted.get("description"))
    books.keep(reversal)
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"] = _shown(books, transfer_id)
    books.keep(transfer, "transfer.reversed")
    return reversal


def list_reversals(books: Books, transfer_id: str, parameters: Parameters) -> Resource:
    """The newest reversals of a transfer first."""
    books.find("transfer", transfer_id)
    conditions = Conditions()
    conditions.add("json_extract(body, '$.transfer') = ?", transfer_id)
    return page(
        books.transaction,
        parameters,
        "transfer_reversal",
        _url(transfer_id),
        conditions=conditions,
    )


def _shown(books: Books, transfer_id: str) -> Resource:
    newest_first = books.transaction.select("transfer_reversal", transfer=transfer_id)[::-1]
    has_more = len(newest_first) > _SHOWN_AT_ONCE
    return as_list(newest_first[:_SHOWN_AT_ONCE], _url(transfer_id), has_more=has_more)


def _book(books: Books, transfer: Resource, reversal: Resource, description: str | None) -> str:
    """Book the money where the transfer's own movement is: what was pending comes back pending."""
    sent = balance.retrieve(books, transfer["balance_transaction"])
    movement = Movement(
        kind="transfer_refund",
        category="transfer_reversal",
        amount=reversal["amount"],
        currency=transfer["currency"],
        source=reversal["id"],
        available_on=max(books.account.created, int(sent["available_on"])),
        description=description,
    )
    booked: str = balance.book(books, movement)["id"]
    return booked


def _url(transfer_id: str) -> str:
    return f"/v1/transfers/{transfer_id}/reversals"
