"""The simulated Stripe's HTTP interface: who may call what, and which use case answers."""

from pathlib import Path

from flask import Flask, Response, g, jsonify, request, send_from_directory
from werkzeug.exceptions import HTTPException

from sandbox.stripe import access, charges, confirmation, events, payment_intents
from sandbox.stripe.account import API_VERSION, Account, new_id
from sandbox.stripe.calling import Calls, respond
from sandbox.stripe.deliveries import Deliveries
from sandbox.stripe.events import Request
from sandbox.stripe.forms import Parameters
from sandbox.stripe.refusals import Answer, Refusal
from sandbox.stripe.replays import Outcome
from sandbox.stripe.store import Store, Transaction

BODY_MAX_BYTES = 1_000_000
_BROWSER_FILES = Path(__file__).parent / "browser"


def create_app(store: Store, account: Account, deliveries: Deliveries) -> Flask:
    """The server, on books and an account that belong to the caller."""
    app = Flask("simulated-stripe", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_MAX_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default JSON provider has it
    calls = Calls(store, account, deliveries)
    app.before_request(_open)
    app.after_request(_close)
    app.register_error_handler(Refusal, lambda refusal: respond(Outcome(refusal.answer())))
    app.register_error_handler(HTTPException, _unknown_url)
    _add_intents(app, account, calls)
    _add_lookups(app, account, calls)
    app.add_url_rule("/v3/", view_func=_stripe_js)
    app.add_url_rule("/healthz", view_func=lambda: jsonify(ok=True))
    return app


def _add_intents(app: Flask, account: Account, calls: Calls) -> None:
    @app.post("/v1/payment_intents")
    def create() -> Response:
        return calls.change(
            lambda transaction, parameters, asker: payment_intents.create(
                transaction, account, parameters, asker
            )
        )

    @app.get("/v1/payment_intents/<intent_id>")
    def retrieve(intent_id: str) -> Response:
        if calls.from_browser():
            return calls.attempt(lambda *call: _public_look(call[0], call[1], intent_id))
        return calls.look_up(
            lambda transaction, *_: payment_intents.retrieve(transaction, intent_id)
        )

    @app.post("/v1/payment_intents/<intent_id>/confirm")
    def confirm(intent_id: str) -> Response:
        from_browser = calls.from_browser()

        def effect(transaction: Transaction, parameters: Parameters, asker: Request) -> Answer:
            client_secret = parameters.text("client_secret")
            if from_browser:
                intent = payment_intents.retrieve(transaction, intent_id)
                access.check_client_secret(intent, client_secret)
            attempt = confirmation.Attempt(transaction, account, asker, from_browser)
            return confirmation.confirm(attempt, intent_id, parameters)

        return calls.attempt(effect)

    @app.post("/v1/payment_intents/<intent_id>/cancel")
    def cancel(intent_id: str) -> Response:
        return calls.change(
            lambda transaction, parameters, asker: payment_intents.cancel(
                transaction, account, intent_id, parameters, asker
            )
        )


def _public_look(transaction: Transaction, parameters: Parameters, intent_id: str) -> Answer:
    intent = payment_intents.retrieve(transaction, intent_id)
    access.check_client_secret(intent, parameters.text("client_secret"))
    parameters.refuse_rest()
    return Answer(200, payment_intents.public_view(intent))


def _add_lookups(app: Flask, account: Account, calls: Calls) -> None:
    @app.get("/v1/charges/<charge_id>")
    def charge(charge_id: str) -> Response:
        return calls.look_up(lambda books, *_: charges.retrieve_charge(books, charge_id))

    @app.get("/v1/balance_transactions/<booked_id>")
    def balance_transaction(booked_id: str) -> Response:
        return calls.look_up(
            lambda books, *_: charges.retrieve_balance_transaction(books, account, booked_id)
        )

    @app.get("/v1/events")
    def event_list() -> Response:
        return calls.look_up(lambda books, parameters, _: events.list_events(books, parameters))

    @app.get("/v1/events/<event_id>")
    def event(event_id: str) -> Response:
        return calls.look_up(lambda books, *_: events.retrieve(books, event_id))


def _stripe_js() -> Response:
    answer = send_from_directory(_BROWSER_FILES, "stripe.js", mimetype="text/javascript")
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def _open() -> None:
    g.request_id = new_id("req", length=14)


def _close(answer: Response) -> Response:
    # As at Stripe, any page may call with a publishable key: no cookie is ever looked at.
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Access-Control-Expose-Headers"] = "Request-Id"
    if request.method == "OPTIONS":
        answer.headers["Access-Control-Allow-Methods"] = "GET, POST"
        answer.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    answer.headers["Request-Id"] = g.request_id
    answer.headers["Stripe-Version"] = API_VERSION
    if "Idempotency-Key" in request.headers:
        answer.headers["Idempotency-Key"] = request.headers["Idempotency-Key"]
    return answer


def _unknown_url(error: HTTPException) -> Response:
    status = error.code or 500
    message = f"Unrecognized request URL ({request.method}: {request.path})."
    kind = "invalid_request_error"
    if status not in (404, 405):
        message, kind = error.description or error.name, "api_error"
    return respond(Outcome(Refusal(status, message, kind=kind).answer()))
