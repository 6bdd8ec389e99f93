"""The calls for PaymentIntents: some for the platform's backend, some for a browser too."""

from flask import Flask, Response

from sandbox.simulated.store import Transaction
from sandbox.stripe import access, confirmation, payment_intents
from sandbox.stripe.account import Account
from sandbox.stripe.calling import Calls
from sandbox.stripe.events import Request
from sandbox.stripe.forms import Parameters
from sandbox.stripe.refusals import Answer


def add_intents(app: Flask, account: Account, calls: Calls) -> None:
    """Register what is done to PaymentIntents, by the backend or by Stripe.js."""
    _add_confirm(app, calls)

    @app.post("/v1/payment_intents")
    def create() -> Response:
        if calls.from_browser():
            raise access.refuse_browser()

        def effect(transaction: Transaction, parameters: Parameters, asker: Request) -> Answer:
            confirms = parameters.flag("confirm")
            wanted = parameters.part(*confirmation.PARAMETERS) if confirms else None
            intent = payment_intents.create(transaction, account, parameters, asker)
            if wanted is None:
                return Answer(200, intent)
            return confirmation.confirm(calls.attempt_of(transaction), intent["id"], wanted)

        return calls.attempt(effect)

    @app.get("/v1/payment_intents/<intent_id>")
    def retrieve(intent_id: str) -> Response:
        if calls.from_browser():
            return calls.attempt(lambda *call: _public_look(call[0], call[1], intent_id))
        return calls.look_up(
            lambda transaction, *_: payment_intents.retrieve(transaction, intent_id)
        )

    @app.post("/v1/payment_intents/<intent_id>/cancel")
    def cancel(intent_id: str) -> Response:
        return calls.change(
            lambda transaction, parameters, asker: payment_intents.cancel(
                transaction, account, intent_id, parameters, asker
            )
        )


def _add_confirm(app: Flask, calls: Calls) -> None:
    @app.post("/v1/payment_intents/<intent_id>/confirm")
    def confirm(intent_id: str) -> Response:
        from_browser = calls.from_browser()

        def effect(transaction: Transaction, parameters: Parameters, _: Request) -> Answer:
            client_secret = parameters.text("client_secret")
            if from_browser:
                intent = payment_intents.retrieve(transaction, intent_id)
                access.check_client_secret(intent, client_secret)
            attempt = calls.attempt_of(transaction, from_browser=from_browser)
            return confirmation.confirm(attempt, intent_id, parameters)

        return calls.attempt(effect)


def _public_look(transaction: Transaction, parameters: Parameters, intent_id: str) -> Answer:
    intent = payment_intents.retrieve(transaction, intent_id)
    access.check_client_secret(intent, parameters.text("client_secret"))
    parameters.refuse_rest()
    return Answer(200, payment_intents.public_view(intent))
