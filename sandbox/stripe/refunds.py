"""Refunds: of a captured charge, in part or whole, never more than is left of it.

As described at https://docs.stripe.com/api/refunds and https://docs.stripe.com/testing#refunds.
"""

from sandbox.stripe import balance
from sandbox.stripe.account import new_id
from sandbox.stripe.balance import Movement
from sandbox.stripe.books import Books
from sandbox.stripe.charges import sequel_of
from sandbox.stripe.forms import Parameters
from sandbox.stripe.lists import page
from sandbox.stripe.refusals import Refusal, Resource, invalid, missing

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(books: Books, parameters: Parameters) -> Resource:
    """Give back `amount`, or all that is left of the charge."""
    charge = _charge(books, parameters)
    amount = parameters.integer("amount")
    reason = parameters.text("reason", choices=_REASONS)
    metadata = parameters.metadata()
    parameters.refuse_rest()
    amount = _refundable(books, charge, amount)
    refund = new_refund(books, charge, amount) | {"reason": reason, "metadata": metadata}
    sequel = sequel_of(charge)
    if sequel == "refund_succeeds_later":
        refund.update(status="pending", pending_reason="processing")
    if sequel in ("refund_succeeds_later", "refund_fails_later"):
        books.put_off(refund["id"])
    refund["balance_transaction"] = _book(books, charge, refund, -amount)["id"]
    _count(charge, amount)
    books.keep(refund, "refund.created")
    books.keep(charge, "charge.refunded")
    return refund


def _charge(books: Books, parameters: Parameters) -> Resource:
    charge_id, intent_id = parameters.text("charge"), parameters.text("payment_intent")
    if charge_id is None and intent_id is None:
        raise invalid(
            "payment_intent",
            "One of the following params should be provided for this"
            " request: payment_intent or charge.",
            code="parameter_missing",
        )
    if intent_id is not None:
        intent = books.transaction.get(intent_id, kind="payment_intent")
        if intent is None:
            raise missing("payment_intent", intent_id, param="payment_intent")
        if intent["status"] != "succeeded":
            raise Refusal(
                400,
                f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
            )
        charge_id = charge_id or intent["latest_charge"]
    charge = books.find("charge", str(charge_id), param="charge")
    if intent_id not in (None, charge["payment_intent"]):
        raise invalid("charge", f"The charge {charge_id} does not belong to {intent_id}.")
    return charge


def _refundable(books: Books, charge: Resource, amount: int | None) -> int:
    """The amount to refund, or why this charge cannot give it back."""
    left = charge["amount"] - charge["amount_refunded"]
    if not charge["captured"]:
        raise Refusal(
            400,
            "This uncaptured Charge was created by a PaymentIntent"
            f" ({charge['payment_intent']}). You must cancel the PaymentIntent to reverse the"
            " authorization instead of refunding the Charge directly.",
        )
    if left == 0:
        raise Refusal(
            400,
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
        )
    disputes = books.transaction.select("dispute", charge=charge["id"])
    if not all(dispute["is_charge_refundable"] for dispute in disputes):
        raise Refusal(
            400,
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if amount is not None and amount < 1:
        raise invalid("amount", "Invalid positive integer", code="parameter_invalid_integer")
    if amount is not None and amount > left:
        raise invalid(
            "amount",
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).",
            code="amount_too_large",
        )
    return left if amount is None else amount


def new_refund(books: Books, charge: Resource, amount: int) -> Resource:
    """A refund that succeeded, not kept yet and without a balance transaction."""
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": books.account.created,
        "currency": charge["currency"],
        "customer": None,
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def _book(books: Books, charge: Resource, refund: Resource, amount: int) -> Resource:
    """Money goes with the charge's own: pending if that still is, else at once."""
    taken = books.find("balance_transaction", charge["balance_transaction"])
    failed = amount > 0
    movement = Movement(
        kind="refund_failure" if failed else "refund",
        category="refund_failure" if failed else "refund",
        amount=amount,
        currency=charge["currency"],
        source=refund["id"],
        available_on=max(books.account.created, taken["available_on"]),
        description="REFUND FAILURE" if failed else "REFUND FOR CHARGE",
    )
    return balance.book(books, movement)


def _count(charge: Resource, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]


def finish(books: Books, refund_id: str) -> None:
    """What the test card of the charge has happen to its refund after a moment."""
    refund = books.find("refund", refund_id)
    charge = books.find("charge", refund["charge"])
    if refund["status"] == "pending":
        refund.pop("pending_reason", None)
        refund["status"] = "succeeded"
        books.keep(refund, "refund.updated", "charge.refund.updated")
    elif sequel_of(charge) == "refund_fails_later" and refund["status"] == "succeeded":
        refund.update(status="failed", failure_reason="expired_or_canceled_card")
        booked = _book(books, charge, refund, refund["amount"])
        refund["failure_balance_transaction"] = booked["id"]
        _count(charge, -refund["amount"])
        books.keep(charge)
        books.keep(refund, "refund.failed", "refund.updated", "charge.refund.updated")


def update(books: Books, refund_id: str, parameters: Parameters) -> Resource:
    """Change the metadata; nothing else of a refund can be changed."""
    refund = books.find("refund", refund_id)
    refund["metadata"].update(parameters.metadata())
    parameters.refuse_rest()
    books.keep(refund, "refund.updated", "charge.refund.updated")
    return refund


def list_refunds(books: Books, parameters: Parameters) -> Resource:
    """The newest refunds first, optionally those of one charge or intent."""
    return page(
        books.transaction, parameters, "refund", "/v1/refunds", equal=("charge", "payment_intent")
    )
