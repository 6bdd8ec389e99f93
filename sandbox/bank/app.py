"""The simulated bank's HTTP interface: TrueLayer's calls, its hosted page, and the keys."""

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.bank import access, keys, merchant_accounts, payments, payouts, refunds
from sandbox.bank.account import Account, new_id
from sandbox.bank.calling import Calls, body, respond
from sandbox.bank.hosted_pages import BROWSER_FILES, add_pages, show_fault
from sandbox.bank.refusals import Refusal
from sandbox.simulated.deliveries import Deliveries
from sandbox.simulated.delivery_faults import KnobError
from sandbox.simulated.store import Resource, Store

BODY_MAX_BYTES = 100_000


def create_app(store: Store, account: Account, deliveries: Deliveries) -> tuple[Flask, Calls]:
    """The server, on books and an account that belong to the caller."""
    app = Flask("simulated-bank", static_folder=None, template_folder=str(BROWSER_FILES))
    app.config["MAX_CONTENT_LENGTH"] = BODY_MAX_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default JSON provider has it
    calls = Calls(store, account, deliveries)
    app.before_request(_open)
    app.after_request(_close)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(
        KnobError, lambda error: respond(Refusal(400, str(error)).answer(g.trace_id))
    )
    app.register_error_handler(HTTPException, _unknown_url)
    _add_token(app, account, calls)
    _add_payments(app, calls)
    _add_accounts(app, calls)
    add_pages(app, calls)
    app.add_url_rule("/healthz", view_func=lambda: jsonify(ok=True))
    return app, calls


def covers(path: str) -> bool:
    """Whether faults of calls may strike here: TrueLayer's interface, not pages or knobs."""
    return path.startswith(("/v3/", "/connect/", "/.well-known/"))


def error_body(status: int) -> Resource:
    """What TrueLayer says beside a status of its own trouble."""
    return Refusal(status, "The simulated bank was told to fail.").answer(new_id()).body


def _add_token(app: Flask, account: Account, calls: Calls) -> None:
    @app.post("/connect/token")
    def token() -> Response:
        wanted = request.form.to_dict() or body()
        return respond(
            calls.freely(lambda books: access.issue_token(books.transaction, account, wanted))
        )

    @app.get("/.well-known/jwks")
    def jwks() -> Response:
        return jsonify(calls.freely(lambda books: keys.published(books.transaction, account)))


def _add_payments(app: Flask, calls: Calls) -> None:
    @app.post("/v3/payments")
    def create_payment() -> Response:
        return calls.change(payments.create)

    @app.get("/v3/payments/<payment_id>")
    def get_payment(payment_id: str) -> Response:
        return calls.look_up(lambda books: payments.show(books.find("payment", payment_id)))

    @app.post("/v3/payments/<payment_id>/actions/cancel")
    def cancel_payment(payment_id: str) -> Response:
        return calls.change(lambda books, _: payments.cancel(books, payment_id))

    @app.post("/v3/payments/<payment_id>/refunds")
    def create_refund(payment_id: str) -> Response:
        return calls.change(lambda books, wanted: refunds.create(books, payment_id, wanted))

    @app.get("/v3/payments/<payment_id>/refunds")
    def list_refunds(payment_id: str) -> Response:
        return calls.look_up(lambda books: refunds.list_refunds(books, payment_id))

    @app.get("/v3/payments/<payment_id>/refunds/<refund_id>")
    def get_refund(payment_id: str, refund_id: str) -> Response:
        return calls.look_up(lambda books: refunds.retrieve(books, payment_id, refund_id))


def _add_accounts(app: Flask, calls: Calls) -> None:
    @app.post("/v3/payouts")
    def create_payout() -> Response:
        return calls.change(payouts.create)

    @app.get("/v3/payouts/<payout_id>")
    def get_payout(payout_id: str) -> Response:
        return calls.look_up(lambda books: payouts.show(books.find("payout", payout_id)))

    @app.get("/v3/merchant-accounts")
    def list_accounts() -> Response:
        return calls.look_up(merchant_accounts.list_accounts)

    @app.get("/v3/merchant-accounts/<account_id>")
    def get_account(account_id: str) -> Response:
        return calls.look_up(lambda books: merchant_accounts.retrieve(books, account_id))

    @app.get("/v3/merchant-accounts/<account_id>/transactions")
    def list_transactions(account_id: str) -> Response:
        return calls.look_up(
            lambda books: merchant_accounts.list_transactions(books, account_id, request.args)
        )


def _open() -> None:
    g.trace_id = new_id().replace("-", "")


def _close(answer: Response) -> Response:
    answer.headers["Tl-Trace-Id"] = g.trace_id
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def _refused(refusal: Refusal) -> Response:
    if request.path.startswith("/pay/"):
        return Response(show_fault(refusal), status=refusal.status, mimetype="text/html")
    return respond(refusal.answer(g.trace_id))


def _unknown_url(error: HTTPException) -> Response:
    status = error.code or 500
    return respond(Refusal(status, error.description or error.name).answer(g.trace_id))
