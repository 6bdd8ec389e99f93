"""Disputes: opened by the payer's bank, answered with evidence, won, lost or accepted.

As described at https://docs.stripe.com/api/disputes and https://docs.stripe.com/testing#disputes.
"""

from sandbox.stripe import balance
from sandbox.stripe.account import new_id
from sandbox.stripe.balance import Movement
from sandbox.stripe.books import Books
from sandbox.stripe.dispute_evidence import EVIDENCE_FIELDS, EVIDENCE_TEXTS
from sandbox.stripe.forms import Parameters
from sandbox.stripe.lists import page
from sandbox.stripe.refusals import Refusal, Resource

FEE = 1500
ANSWER_WITHIN_S = 21 * 24 * 3600
REASONS = {"fraudulent": "10.4", "product_not_received": "13.1", "general": "00"}
_OPEN = ("needs_response", "warning_needs_response")
_IN_REVIEW = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}


def open_dispute(
    books: Books, charge: Resource, *, reason: str, amount: int, inquiry: bool = False
) -> Resource:
    """The payer disputes the charge; the money is withdrawn unless the bank only inquires."""
    dispute = _new_dispute(books, charge, reason=reason, amount=amount, inquiry=inquiry)
    charge["disputed"] = True
    books.keep(charge)
    books.keep(dispute, "charge.dispute.created")
    if not inquiry:
        _withdraw(books, dispute)
    books.keep(charge, "charge.updated")
    return dispute


def open_for_test_card(books: Books, charge_id: str, sequel: str) -> None:
    """Dispute the whole of a charge as its test card says."""
    charge = books.find("charge", charge_id)
    amount = charge["amount"] - charge["amount_refunded"]
    inquiry = sequel == "inquiry"
    reason = "general" if inquiry else sequel
    if amount and not charge["disputed"]:
        open_dispute(books, charge, reason=reason, amount=amount, inquiry=inquiry)


def _new_dispute(
    books: Books, charge: Resource, *, reason: str, amount: int, inquiry: bool
) -> Resource:
    brand = charge["payment_method_details"]["card"]["brand"]
    case_type = "inquiry" if inquiry else "chargeback"
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": books.account.created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE_FIELDS), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": books.account.created + ANSWER_WITHIN_S,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": case_type,
                "network": brand,
                "network_reason_code": REASONS.get(reason, REASONS["general"]),
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


def _withdraw(books: Books, dispute: Resource) -> None:
    _book(books, dispute, -dispute["amount"], category="dispute", fee=FEE)
    books.keep(dispute, "charge.dispute.funds_withdrawn")


def _book(books: Books, dispute: Resource, amount: int, *, category: str, fee: int = 0) -> None:
    description = "Chargeback withdrawal" if amount < 0 else "Chargeback reversal"
    movement = Movement(
        kind="adjustment",
        category=category,
        amount=amount,
        currency=dispute["currency"],
        source=dispute["id"],
        available_on=books.account.created,
        description=f"{description} for {dispute['charge']}",
        fee=fee,
        fee_description="Dispute fee",
    )
    dispute["balance_transactions"].append(balance.book(books, movement))


def update(books: Books, dispute_id: str, parameters: Parameters) -> Resource:
    """Keep evidence, and unless `submit` is false send it to the bank, which decides later."""
    dispute = books.find("dispute", dispute_id)
    evidence = parameters.group("evidence")
    submit = parameters.flag("submit")
    dispute["metadata"].update(parameters.metadata())
    parameters.refuse_rest()
    if evidence is not None:
        _check_open(dispute)
        _add_evidence(dispute, evidence)
        if submit is not False:
            _submit(books, dispute)
    books.keep(dispute, "charge.dispute.updated")
    return dispute


def _check_open(dispute: Resource) -> None:
    if dispute["status"] not in _OPEN:
        raise Refusal(
            400,
            f"This dispute is already closed or under review (status {dispute['status']}).",
            code="dispute_already_submitted",
        )


def _add_evidence(dispute: Resource, evidence: Parameters) -> None:
    given = {name: evidence.text(name) for name in EVIDENCE_FIELDS}
    evidence.refuse_rest()
    dispute["evidence"].update({name: text for name, text in given.items() if text is not None})
    dispute["evidence_details"]["has_evidence"] = True


def _submit(books: Books, dispute: Resource) -> None:
    dispute["evidence_details"]["submission_count"] += 1
    dispute["status"] = _IN_REVIEW[dispute["status"]]
    if dispute["evidence"]["uncategorized_text"] in EVIDENCE_TEXTS:
        books.put_off(dispute["id"])


def decide(books: Books, dispute_id: str) -> None:
    """The bank's decision, which the test evidence asks for."""
    dispute = books.find("dispute", dispute_id)
    text = dispute["evidence"]["uncategorized_text"]
    if dispute["status"] == "warning_under_review":
        if text == "escalate_inquiry_evidence":
            _escalate(books, dispute)
        else:
            finish(books, dispute, "warning_closed")
    elif dispute["status"] == "under_review":
        finish(books, dispute, "won" if text == "winning_evidence" else "lost")


def _escalate(books: Books, dispute: Resource) -> None:
    dispute.update(status="needs_response", is_charge_refundable=False)
    dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    _withdraw(books, dispute)
    books.keep(dispute, "charge.dispute.updated")


def finish(books: Books, dispute: Resource, status: str) -> Resource:
    """Close the dispute as `won`, `lost` or `warning_closed`; what was won comes back."""
    dispute["status"] = status
    if status == "won":
        dispute["is_charge_refundable"] = True
        _book(books, dispute, dispute["amount"], category="dispute_reversal")
        books.keep(dispute, "charge.dispute.funds_reinstated")
    books.keep(dispute, "charge.dispute.closed")
    return dispute


def close(books: Books, dispute_id: str, parameters: Parameters) -> Resource:
    """Accept the dispute: it is lost at once (an inquiry is merely closed)."""
    dispute = books.find("dispute", dispute_id)
    parameters.refuse_rest()
    _check_open(dispute)
    inquiry = dispute["status"] == "warning_needs_response"
    return finish(books, dispute, "warning_closed" if inquiry else "lost")


def list_disputes(books: Books, parameters: Parameters) -> Resource:
    """The newest disputes first, optionally those of one charge or intent."""
    return page(
        books.transaction, parameters, "dispute", "/v1/disputes", equal=("charge", "payment_intent")
    )
