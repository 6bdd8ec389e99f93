"""The page on which a payer pays by bank: choose one, then say yes or no there, or walk away.

TrueLayer hands everything to the page behind the `#` of its address, so that no server logs it.
"""

import hmac
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, redirect, render_template, request, send_from_directory, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox.bank import payments
from sandbox.bank.account import HOLDER
from sandbox.bank.banks import BANKS, find_bank
from sandbox.bank.books import Books
from sandbox.bank.calling import Calls
from sandbox.bank.refusals import Refusal, missing
from sandbox.simulated.pages import page, written
from sandbox.simulated.store import Resource

BROWSER_FILES = Path(__file__).parent / "browser"
# What a payer can let happen at their bank, beside yes: reasons of TrueLayer's list.
_REASONS = ("not_authorized", "insufficient_funds", "provider_rejected")


def add_pages(app: Flask, calls: Calls) -> None:
    """Register the pages, and the payer's answers to them."""
    app.jinja_env.filters["written"] = written
    app.add_url_rule("/hosted/<name>", view_func=_file)

    @app.get("/payments")
    def arrive() -> Response:
        return page("arrive.html", may_be_framed=False)

    @app.get("/pay/<payment_id>")
    def pay(payment_id: str) -> Response:
        def effect(books: Books) -> Resource:
            _check(books, payment_id)
            return payments.open_page(books, payment_id, _web_address("return_uri"))

        return _shown(calls.freely(effect))

    @app.post("/pay/<payment_id>/bank")
    def choose(payment_id: str) -> AnyResponse:
        def effect(books: Books) -> Resource:
            _check(books, payment_id)
            return payments.choose_bank(books, payment_id, request.form.get("bank", ""))

        return _next(calls.freely(effect))

    @app.post("/pay/<payment_id>/answer")
    def answer(payment_id: str) -> AnyResponse:
        def effect(books: Books) -> Resource:
            payment = _check(books, payment_id)
            if payment["status"] not in payments.OPEN:
                return payment
            return _answer(books, payment, request.form.get("answer", ""))

        payment = calls.freely(effect)
        back = payments.return_address(payment)
        return redirect(back, 303) if back is not None else _next(payment)


def _file(name: str) -> Response:
    answer = send_from_directory(BROWSER_FILES, name)
    if name.endswith(".js"):
        answer.mimetype = "text/javascript"
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def _answer(books: Books, payment: Resource, said: str) -> Resource:
    if said in ("authorise", "stall"):
        return payments.authorise(books, payment["id"], stalls=said == "stall")
    if said in (*_REASONS, "canceled"):
        return payments.fail(books, payment["id"], said)
    if said != "leave":
        raise Refusal(400, "That is no answer to the bank's question.")
    return payment


def _check(books: Books, payment_id: str) -> Resource:
    """The payment, for whoever holds its token."""
    payment = books.find("payment", payment_id)
    token = request.values.get("token", "")
    if not hmac.compare_digest(token.encode(), payment["resource_token"].encode()):
        raise missing("payment", payment_id)
    return payment


def _shown(payment: Resource) -> Response:
    if payment["status"] not in payments.OPEN:
        template = "ended.html"
    elif payment["bank"] is None or request.args.get("step") == "banks":
        template = "choose.html"
    else:
        template = "question.html"
    return page(
        template,
        may_be_framed=False,
        leads_to=_origins(payment["return_uri"]),
        payment=payment,
        reference=payment["payment_method"]["beneficiary"]["reference"],
        payee=HOLDER,
        banks=BANKS,
        bank=find_bank(payment["bank"]) if payment["bank"] else None,
        back=payments.return_address(payment),
    )


def _next(payment: Resource) -> AnyResponse:
    token = payment["resource_token"]
    return redirect(url_for("pay", payment_id=payment["id"], token=token), 303)


def _web_address(name: str) -> str | None:
    """An address of the web in the query; scripts and the like are none."""
    address = request.args.get(name, "")
    return address if urlsplit(address).scheme in ("http", "https") else None


def _origins(address: str | None) -> list[str]:
    if address is None:
        return []
    parts = urlsplit(address)
    return [f"{parts.scheme}://{parts.netloc}"]


def show_fault(refusal: Refusal) -> str:
    """The page a payer sees who came with an address that leads nowhere."""
    return render_template("fault.html", refusal=refusal)
