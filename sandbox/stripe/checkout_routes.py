"""The calls for Checkout Sessions, the page at their address, and how that page pays."""

from urllib.parse import urlsplit

from flask import Flask, Response

from sandbox.simulated.pages import page
from sandbox.simulated.store import Transaction
from sandbox.stripe import checkout_sessions, confirmation
from sandbox.stripe.account import Account
from sandbox.stripe.attempts import Attempt
from sandbox.stripe.calling import Calls
from sandbox.stripe.events import Request
from sandbox.stripe.forms import Parameters
from sandbox.stripe.refusals import Answer, Resource

_SESSIONS = "/v1/checkout/sessions"


def add_checkout(app: Flask, account: Account, calls: Calls) -> None:
    """Register what the platform's backend calls, and what the payer sees."""
    _add_payer_pages(app, account, calls)

    @app.post(_SESSIONS)
    def create_session() -> Response:
        return calls.change(
            lambda books, parameters, _: checkout_sessions.create(
                calls.attempt_of(books), parameters
            )
        )

    @app.get(f"{_SESSIONS}/<session_id>")
    def session(session_id: str) -> Response:
        return calls.look_up(lambda books, *_: checkout_sessions.retrieve(books, session_id))

    @app.post(f"{_SESSIONS}/<session_id>/expire")
    def expire_session(session_id: str) -> Response:
        def effect(books: Transaction, parameters: Parameters, _: Request) -> Resource:
            parameters.refuse_rest()
            found = checkout_sessions.retrieve(books, session_id)
            return checkout_sessions.expire(calls.attempt_of(books), found)

        return calls.change(effect)


def _add_payer_pages(app: Flask, account: Account, calls: Calls) -> None:
    @app.get(f"{checkout_sessions.PAGE}<session_id>")
    def hosted_checkout(session_id: str) -> Response:
        def effect(attempt: Attempt) -> tuple[Resource, Resource]:
            found = checkout_sessions.retrieve(attempt.transaction, session_id)
            return found, checkout_sessions.setup_of(attempt.transaction, found)

        found, setup = calls.on_page(effect)
        return page(
            "checkout.html",
            may_be_framed=False,
            session=found,
            setup=setup,
            publishable_key=account.publishable_key,
            seller=urlsplit(found["success_url"]).hostname,
        )

    @app.post("/v1/payment_pages/<session_id>/confirm")
    def pay(session_id: str) -> Response:
        calls.from_browser()  # with either key; the page itself has the publishable one

        def effect(books: Transaction, parameters: Parameters, _: Request) -> Answer:
            attempt = calls.attempt_of(books, from_browser=True)
            found = checkout_sessions.retrieve(books, session_id)
            intent = checkout_sessions.intent_to_pay(attempt, found)
            return confirmation.confirm(attempt, intent["id"], parameters)

        return calls.attempt(effect)

    @app.get("/v1/payment_pages/<session_id>")
    def look(session_id: str) -> Response:
        calls.from_browser()

        def effect(books: Transaction, parameters: Parameters, _: Request) -> Answer:
            parameters.refuse_rest()
            found = checkout_sessions.retrieve(books, session_id)
            return Answer(200, {"status": found["status"], "success_url": success_url(found)})

        return calls.attempt(effect)


def success_url(session: Resource) -> str:
    """Where the payer goes when they have paid."""
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])
