"""The simulated Stripe's HTTP interface: who may call what, and which use case answers."""

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.stripe.account import API_VERSION, Account, new_id
from sandbox.stripe.book_routes import add_books
from sandbox.stripe.calling import Calls, respond
from sandbox.stripe.checkout_routes import add_checkout
from sandbox.stripe.deliveries import Deliveries
from sandbox.stripe.hosted_pages import BROWSER_FILES, add_files
from sandbox.stripe.intent_routes import add_intents
from sandbox.stripe.refusals import Refusal
from sandbox.stripe.replays import Outcome
from sandbox.stripe.store import Store
from sandbox.stripe.three_d_secure_pages import add_bank_pages

BODY_MAX_BYTES = 1_000_000


def create_app(store: Store, account: Account, deliveries: Deliveries) -> Flask:
    """The server, on books and an account that belong to the caller."""
    app = Flask("simulated-stripe", static_folder=None, template_folder=str(BROWSER_FILES))
    app.config["MAX_CONTENT_LENGTH"] = BODY_MAX_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default JSON provider has it
    calls = Calls(store, account, deliveries)
    app.before_request(_open)
    app.after_request(_close)
    app.register_error_handler(Refusal, lambda refusal: respond(Outcome(refusal.answer())))
    app.register_error_handler(HTTPException, _unknown_url)
    add_intents(app, account, calls)
    add_books(app, account, calls)
    add_checkout(app, account, calls)
    add_bank_pages(app, calls)
    add_files(app)
    app.add_url_rule("/healthz", view_func=lambda: jsonify(ok=True))
    return app


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
