"""Checkout Sessions: a page of Stripe's on which an amount is paid once.

As described at https://docs.stripe.com/api/checkout/sessions.
"""

from sandbox.simulated.store import Transaction
from sandbox.stripe import payment_intents
from sandbox.stripe.account import new_id
from sandbox.stripe.attempts import Attempt
from sandbox.stripe.checkout_forms import LINES, read_lines, read_session
from sandbox.stripe.forms import Parameters
from sandbox.stripe.refusals import Refusal, Resource, missing

PAGE = "/c/pay/"
KIND = "checkout.session"
_SETUP = "checkout.setup"
_CANCELABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(attempt: Attempt, parameters: Parameters) -> Resource:
    """A new session, `open` until it is paid or expires; its intent is made when somebody pays."""
    lines = read_lines(parameters)
    session = read_session(parameters, lines, created=attempt.account.created)
    intent_data = parameters.group("payment_intent_data") or Parameters({})
    setup = {name: intent_data.text(name) for name in ("capture_method", "description")}
    metadata = intent_data.metadata()
    intent_data.refuse_rest()
    parameters.refuse_rest()
    session["id"] = new_id("cs_test", length=58)
    session["url"] = f"{attempt.base_url}{PAGE}{session['id']}"
    attempt.transaction.put(session)
    attempt.transaction.put(
        {
            "id": _setup_id(session),
            "object": _SETUP,
            "created": session["created"],
            "metadata": metadata,
            LINES: lines,
            **setup,
        }
    )
    attempt.transaction.put_off(session["id"], due_at=session["expires_at"])
    return session


def retrieve(transaction: Transaction, session_id: str) -> Resource:
    """One session, or Stripe's 404."""
    session = transaction.get(session_id, kind=KIND)
    if session is None:
        raise missing("checkout.session", session_id)
    return session


def setup_of(transaction: Transaction, session: Resource) -> Resource:
    """What the session's intent will be made of, and the lines its page shows."""
    setup = transaction.get(_setup_id(session), kind=_SETUP)
    if setup is None:
        raise missing("checkout.session", session["id"])
    return setup


def _setup_id(session: Resource) -> str:
    return f"{session['id']}_setup"


def intent_to_pay(attempt: Attempt, session: Resource) -> Resource:
    """The intent of an open session, made now if nobody tried to pay so far."""
    if session["status"] != "open":
        raise Refusal(400, f"This Checkout Session is {session['status']}: nothing can be paid.")
    if session["payment_intent"] is not None:
        return payment_intents.retrieve(attempt.transaction, session["payment_intent"])
    setup = setup_of(attempt.transaction, session)
    wanted = {
        "amount": str(session["amount_total"]),
        "currency": session["currency"],
        "metadata": setup["metadata"],
        "allowed_payment_method_types": ["card"],
        **{name: setup[name] for name in ("capture_method", "description") if setup[name]},
    }
    intent = payment_intents.create(
        attempt.transaction, attempt.account, Parameters(wanted), attempt.request
    )
    session["payment_intent"] = intent["id"]
    attempt.transaction.put(session)
    return intent


def expire(attempt: Attempt, session: Resource) -> Resource:
    """Close an open session, and cancel its intent if there is one; refused for any other."""
    if session["status"] != "open":
        raise Refusal(
            400,
            f"Only Checkout Sessions with a status of open can be expired; this one is"
            f" {session['status']}.",
        )
    session.update(status="expired", url=None)
    attempt.transaction.put(session)
    attempt.tell("checkout.session.expired", session)
    if session["payment_intent"] is not None:
        intent = payment_intents.retrieve(attempt.transaction, session["payment_intent"])
        if intent["status"] in _CANCELABLE:
            payment_intents.cancel(
                attempt.transaction, attempt.account, intent["id"], Parameters({}), attempt.request
            )
    return session


def expire_when_due(attempt: Attempt, session_id: str) -> None:
    """Close a session whose time has passed, unless it was paid or closed before."""
    session = attempt.transaction.get(session_id, kind=KIND)
    if session is not None and session["status"] == "open":
        expire(attempt, session)


def note_payment(attempt: Attempt, intent: Resource) -> None:
    """Complete the session that an intent belongs to, if any, once its payer has done their part.

    It is `unpaid` as long as the money is on its way or waits to be captured.
    """
    sessions = attempt.transaction.select(KIND, payment_intent=intent["id"])
    for session in sessions:
        paid = intent["status"] == "succeeded"
        if session["status"] == "open":
            session.update(status="complete", url=None, payment_status="paid" if paid else "unpaid")
            attempt.transaction.put(session)
            attempt.tell("checkout.session.completed", session)
        elif paid and session["payment_status"] == "unpaid":
            session["payment_status"] = "paid"
            attempt.transaction.put(session)
            attempt.tell("checkout.session.async_payment_succeeded", session)
