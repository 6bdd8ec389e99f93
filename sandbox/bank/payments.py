"""Payments: made for a merchant account, authorised by the payer, executed, settled."""

from typing import Any
from urllib.parse import urlsplit

from sandbox.bank import movements
from sandbox.bank.account import new_id
from sandbox.bank.banks import find_bank
from sandbox.bank.books import Books
from sandbox.bank.payment_requests import read_request
from sandbox.bank.refusals import invalid_state
from sandbox.simulated.replays import Answer
from sandbox.simulated.store import Resource

OPEN = ("authorization_required", "authorizing")
ON_ITS_WAY = ("authorized", "executed")
_HIDDEN = ("object", "created", "resource_token", "return_uri", "bank", "stalled", "user_name")


def create(books: Books, wanted: Resource) -> Answer:
    """Make a payment that a payer can authorise on the hosted page."""
    payment = read_request(books, wanted) | {
        "id": new_id(),
        "object": "payment",
        "created": int(books.account.now()),
        "created_at": books.account.moment,
        "status": "authorization_required",
        "resource_token": new_id(),
        "return_uri": None,
        "bank": None,
        "stalled": False,
    }
    books.transaction.put(payment)
    books.put_off("expiry", payment["id"], moment="expiry_s")
    told = {name: payment[name] for name in ("id", "user", "resource_token", "status")}
    return Answer(201, told)


def show(payment: Resource) -> Resource:
    """The payment as the API shows it."""
    return {name: value for name, value in payment.items() if name not in _HIDDEN}


def open_page(books: Books, payment_id: str, return_uri: str | None) -> Resource:
    """Show the hosted page for the first time: from then on it is known where it leads back."""
    payment = books.find("payment", payment_id)
    if return_uri and payment["return_uri"] is None:
        payment["return_uri"] = return_uri
        books.transaction.put(payment)
    return payment


def choose_bank(books: Books, payment_id: str, slug: str) -> Resource:
    """Let the payer go to a bank of theirs.

    Raises:
        Refusal: it is not open any more, or there is no such bank.
    """
    payment = _open(books, payment_id)
    bank = find_bank(slug)
    return _keep(
        books,
        payment,
        status="authorizing",
        bank=slug,
        authorization_flow={"actions": {"next": {"type": "redirect", "uri": f"bank:{slug}"}}},
        payment_method=payment["payment_method"]
        | {"provider_selection": {"type": "user_selected", "provider_id": bank.provider_id}},
    )


def authorise(books: Books, payment_id: str, *, stalls: bool = False) -> Resource:
    """Let the payer say yes at their bank; the money is on its way, and may stall there."""
    payment = _open(books, payment_id)
    payment.pop("authorization_flow", None)
    _keep(books, payment, status="authorized", authorized_at=books.account.moment, stalled=stalls)
    if books.outcome("tells_authorized"):
        _tell(books, payment, "payment_authorized", "authorized_at")
    books.put_off("payment", payment["id"], moment="execution_s")
    return payment


def fail(books: Books, payment_id: str, reason: str) -> Resource:
    """Fail a payment, whoever's fault it is, as long as it is not settled.

    Raises:
        Refusal: it is settled or has failed already.
    """
    payment = books.find("payment", payment_id)
    if payment["status"] not in (*OPEN, *ON_ITS_WAY):
        raise invalid_state(f"The payment is {payment['status']}.")
    payment.pop("authorization_flow", None)
    _keep(
        books,
        payment,
        failure_stage=payment["status"],
        status="failed",
        failed_at=books.account.moment,
        failure_reason=reason,
    )
    said = {name: payment[name] for name in ("failure_stage", "failure_reason")}
    _tell(books, payment, "payment_failed", "failed_at", **said)
    return payment


def cancel(books: Books, payment_id: str) -> Answer:
    """Cancel a payment that nobody has authorised.

    Raises:
        Refusal: it is too late for that.
    """
    _open(books, payment_id)
    fail(books, payment_id, "canceled")
    return Answer(202, {})


def expire(books: Books, payment_id: str) -> None:
    """Fail a payment that nobody authorised in time."""
    if books.find("payment", payment_id)["status"] in OPEN:
        fail(books, payment_id, "expired")


def advance(books: Books, payment_id: str) -> None:
    """Take the next step of a payment that is on its way, if it is due."""
    payment = books.find("payment", payment_id)
    if payment["status"] == "authorized":
        execute(books, payment_id)
    elif payment["status"] == "executed":
        if payment["stalled"] or books.outcome("settlement") == "stalled":
            stall(books, payment_id)
        elif books.outcome("settlement") == "settled":
            settle(books, payment_id)


def execute(books: Books, payment_id: str) -> Resource:
    """Let the payer's bank send the money."""
    payment = _on_its_way(books, payment_id, "authorized")
    _keep(books, payment, status="executed", executed_at=books.account.moment)
    _tell(books, payment, "payment_executed", "executed_at")
    books.put_off("payment", payment["id"], moment="settlement_s")
    return payment


def stall(books: Books, payment_id: str) -> Resource:
    """Tell that the money has been executed, but does not arrive."""
    payment = _on_its_way(books, payment_id, "executed")
    _keep(books, payment, stalled=True)
    stalled = {"settlement_stalled_at": books.account.moment}
    books.tell("payment_settlement_stalled", payment, payment_id=payment["id"], **stalled)
    return payment


def settle(books: Books, payment_id: str) -> Resource:
    """Let the money arrive on our account."""
    payment = _on_its_way(books, payment_id, *ON_ITS_WAY)
    if payment["status"] == "authorized":
        payment = execute(books, payment_id)
    moment = books.account.moment
    source = _source_of(payment)
    _keep(
        books, payment, status="settled", settled_at=moment, succeeded_at=moment,
        payment_source=source,
    )  # fmt: skip
    _tell(books, payment, "payment_settled", "settled_at", payment_source=source)
    _move_money(books, payment, source)
    return payment


def return_address(payment: Resource) -> str | None:
    """Where the hosted page leads back to, told of the payment; None if nobody said."""
    address = payment["return_uri"]
    if address is None:
        return None
    said = f"payment_id={payment['id']}"
    if payment["status"] == "failed":
        said += f"&error={payment['failure_reason']}"
    parts = urlsplit(address)
    return parts._replace(query=f"{parts.query}&{said}" if parts.query else said).geturl()


def _move_money(books: Books, payment: Resource, source: Resource) -> None:
    beneficiary = payment["payment_method"]["beneficiary"]
    account = books.bank_account(beneficiary["merchant_account_id"])
    reference = beneficiary["reference"]
    identifier = source["account_identifiers"][0]
    movements.move(
        books,
        movements.Movement(
            account,
            payment["amount_in_minor"],
            {
                "type": "merchant_account_payment",
                "status": "settled",
                "settled_at": payment["settled_at"],
                "payment_source": source,
                "payment_id": payment["id"],
            },
            name=source["account_holder_name"],
            their_account=identifier.get("iban") or identifier["account_number"],
            text=movements.write_text(books, reference),
            end_to_end_id=reference if movements.line_knob(books, "end_to_end_id") else "",
        ),
        may_wait=True,
    )
    fee = movements.line_knob(books, "fee")
    if fee:
        movements.charge_fee(books, account, fee, "Fee for an incoming payment")


def _source_of(payment: Resource) -> Resource:
    bank = find_bank(payment["bank"] or "harbour")
    return {
        "id": payment["user"]["id"],
        "account_identifiers": bank.identifiers(payment["currency"]),
        "account_holder_name": payment["user_name"],
    }


def _tell(books: Books, payment: Resource, kind: str, moment: str, **fields: Any) -> None:
    method: Resource = {"type": "bank_transfer"}
    if payment["bank"] is not None:
        method["provider_id"] = find_bank(payment["bank"]).provider_id
        method["scheme_id"] = "sepa_credit_transfer_instant"
    told = {"payment_id": payment["id"], moment: payment[moment], "payment_method": method}
    books.tell(kind, payment, **told, **fields)


def _open(books: Books, payment_id: str) -> Resource:
    payment = books.find("payment", payment_id)
    if payment["status"] not in OPEN:
        raise invalid_state(f"The payment is {payment['status']}.")
    return payment


def _on_its_way(books: Books, payment_id: str, *statuses: str) -> Resource:
    payment = books.find("payment", payment_id)
    if payment["status"] not in statuses:
        raise invalid_state(f"The payment is {payment['status']}.")
    return payment


def _keep(books: Books, payment: Resource, **changes: Any) -> Resource:
    payment |= changes
    books.transaction.put(payment)
    return payment
