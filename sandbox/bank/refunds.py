"""Refunds of settled payments: pending, then executed or failed after a while."""

from sandbox.bank import movements
from sandbox.bank.account import new_id
from sandbox.bank.books import Books
from sandbox.bank.payment_requests import read_amount, read_metadata, read_reference
from sandbox.bank.refusals import invalid, invalid_state, missing
from sandbox.simulated.replays import Answer
from sandbox.simulated.store import Resource

_HIDDEN = ("object", "created", "payment_id")
_FINAL = ("executed", "failed")


def create(books: Books, payment_id: str, wanted: Resource) -> Answer:
    """Give back money of a settled payment, as far as it was not given back yet."""
    payment = books.find("payment", payment_id)
    if payment["status"] not in ("authorized", "executed", "settled"):
        raise invalid_state(f"The payment is {payment['status']}.")
    given_back = sum(
        refund["amount_in_minor"] for refund in _of(books, payment_id) if _counts(refund)
    )
    left = payment["amount_in_minor"] - given_back
    amount = read_amount(wanted) if "amount_in_minor" in wanted else left
    if not 0 < amount <= left:
        raise invalid("amount_in_minor", f"At most {left} can be refunded.")
    refund = {
        "id": new_id(),
        "object": "refund",
        "created": int(books.account.now()),
        "payment_id": payment_id,
        "amount_in_minor": amount,
        "currency": payment["currency"],
        "reference": read_reference(wanted.get("reference")),
        "metadata": read_metadata(wanted),
        "status": "pending",
        "created_at": books.account.moment,
    }
    books.transaction.put(refund)
    books.put_off("refund", refund["id"], moment="refund_s")
    return Answer(202, {"id": refund["id"]})


def list_refunds(books: Books, payment_id: str) -> Resource:
    """The refunds of a payment, oldest first."""
    books.find("payment", payment_id)
    return {"items": [show(refund) for refund in _of(books, payment_id)]}


def retrieve(books: Books, payment_id: str, refund_id: str) -> Resource:
    """One refund of a payment."""
    refund = books.find("refund", refund_id)
    if refund["payment_id"] != payment_id:
        raise missing("refund", refund_id)
    return show(refund)


def show(refund: Resource) -> Resource:
    """The refund as the API shows it."""
    return {name: value for name, value in refund.items() if name not in _HIDDEN}


def advance(books: Books, refund_id: str) -> None:
    """Take the next step of a refund, if it is due; nothing happens to one that is held."""
    refund = books.find("refund", refund_id)
    outcome = books.outcome("refunds")
    if refund["status"] == "pending" and outcome != "held":
        refund["status"] = "authorized"
        books.transaction.put(refund)
        books.put_off("refund", refund_id, moment="refund_s")
    elif refund["status"] == "authorized":
        if outcome == "failed":
            fail(books, refund_id, books.outcome("failure_reason"))
        elif outcome == "executed":
            execute(books, refund_id)


def execute(books: Books, refund_id: str) -> Resource:
    """Send the money: it leaves our account."""
    refund = books.find("refund", refund_id)
    if refund["status"] in _FINAL:
        raise invalid_state(f"The refund is {refund['status']}.")
    refund |= {"status": "executed", "executed_at": books.account.moment}
    books.transaction.put(refund)
    _tell(books, refund, "refund_executed", "executed_at")
    _move_money(books, refund, sign=-1)
    return refund


def fail(books: Books, refund_id: str, reason: str) -> Resource:
    """Fail a refund; one that was executed comes back, and its money with it."""
    refund = books.find("refund", refund_id)
    if refund["status"] == "failed":
        raise invalid_state("The refund has failed already.")
    was_executed = refund["status"] == "executed"
    refund |= {
        "status": "failed",
        "failed_at": books.account.moment,
        "failure_reason": "returned" if was_executed else reason,
    }
    books.transaction.put(refund)
    _tell(books, refund, "refund_failed", "failed_at", failure_reason=refund["failure_reason"])
    if was_executed:
        _move_money(books, refund, sign=1)
    return refund


def _move_money(books: Books, refund: Resource, *, sign: int) -> None:
    payment = books.find("payment", refund["payment_id"])
    beneficiary = payment["payment_method"]["beneficiary"]
    source = payment.get("payment_source") or {}
    identifiers = source.get("account_identifiers") or [{}]
    wire = {
        "type": "refund",
        "status": "executed",
        "created_at": refund["created_at"],
        "executed_at": refund["executed_at"],
        "refund_id": refund["id"],
        "payment_id": payment["id"],
        "beneficiary": {"type": "payment_source", "payment_source_id": source.get("id")},
        "context_code": "withdrawal",
    }
    if sign > 0:  # it came back: to TrueLayer money from outside, to the bank a returned transfer
        remitter = {"account_holder_name": payment["user_name"], "reference": refund["reference"]}
        wire = {
            "type": "external_payment",
            "status": "settled",
            "settled_at": refund["failed_at"],
            "remitter": remitter,
            "return_for": {"type": "refund", "returned_id": refund["id"]},
        }
    movements.move(
        books,
        movements.Movement(
            books.bank_account(beneficiary["merchant_account_id"]),
            sign * refund["amount_in_minor"],
            wire,
            name=payment["user_name"],
            their_account=next(iter(str(v) for k, v in identifiers[0].items() if k != "type"), ""),
            text=refund["reference"] if sign < 0 else f"RETURNED {refund['reference']}",
            end_to_end_id=refund["reference"],
        ),
    )


def _tell(books: Books, refund: Resource, kind: str, moment: str, **fields: str) -> None:
    told = {"refund_id": refund["id"], "payment_id": refund["payment_id"], moment: refund[moment]}
    books.tell(kind, refund, **told, **fields)


def _of(books: Books, payment_id: str) -> list[Resource]:
    return books.transaction.select("refund", payment_id=payment_id)


def _counts(refund: Resource) -> bool:
    status: str = refund["status"]
    return status != "failed"
