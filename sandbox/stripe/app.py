"""The simulated Stripe's HTTP interface: who may call what, and which use case answers."""

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.simulated.deliveries import Deliveries
from sandbox.simulated.delivery_faults import KnobError
from sandbox.simulated.replays import Outcome
from sandbox.simulated.store import Store
from sandbox.stripe.account import API_VERSION, Account, new_id
from sandbox.stripe.book_routes import add_books
from sandbox.stripe.calling import Calls, respond
from sandbox.stripe.checkout_routes import add_checkout
from sandbox.stripe.hosted_pages import BROWSER_FILES, add_files
from sandbox.stripe.intent_routes import add_intents
from sandbox.stripe.refusals import Refusal, Resource, invalid
from sandbox.stripe.three_d_secure_pages import add_bank_pages

BODY_MAX_BYTES = 1_000_000
_FAILURES = {
    429: ("rate_limit", "Too many requests hit the API too quickly."),
    500: (None, "An unknown error occurred."),
    503: (None, "Stripe is not available at the moment."),
}


def create_app(store: Store, account: Account, deliveries: Deliveries) -> Flask:
    """The server, on books and an account that belong to the caller."""
    app = Flask("simulated-stripe", static_folder=None, template_folder=str(BROWSER_FILES))
    app.config["MAX_CONTENT_LENGTH"] = BODY_MAX_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default JSON provider has it
    calls = Calls(store, account, deliveries)
    app.before_request(_open)
    app.after_request(_close)
    app.register_error_handler(Refusal, lambda refusal: respond(Outcome(refusal.answer())))
    app.register_error_handler(
        KnobError, lambda error: respond(Outcome(invalid(error.knob, str(error)).answer()))
    )
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


def covers(path: str) -> bool:
    """Whether faults of calls may strike here: Stripe's interface, not the pages or the knobs."""
    return path.startswith("/v1/")


def error_body(status: int) -> Resource:
    """What Stripe says beside a status of its own trouble."""
    code, message = _FAILURES.get(status, (None, "The simulated Stripe was told to fail."))
    kind = "invalid_request_error" if code else "api_error"
    return Refusal(status, message, code=code, kind=kind).answer().body
