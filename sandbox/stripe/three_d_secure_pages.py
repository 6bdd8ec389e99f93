"""The page of the simulated bank, in a frame of Stripe.js or as a page the payer is sent to."""

from urllib.parse import urlsplit

from flask import Flask, redirect, request, url_for
from werkzeug.wrappers import Response

from sandbox.simulated.pages import page
from sandbox.stripe.attempts import Attempt
from sandbox.stripe.calling import Calls
from sandbox.stripe.three_d_secure import PAGE, Question, answer_bank, question


def add_bank_pages(app: Flask, calls: Calls) -> None:
    """Register the bank's question and the payer's answer to it."""

    @app.get(f"{PAGE}<source>")
    def bank(source: str) -> Response:
        asked = calls.on_page(lambda attempt: question(attempt.transaction, source))
        if not asked.open:
            return _finished(asked)
        return page(
            "bank.html",
            may_be_framed=True,
            leads_to=_origins(asked),
            asked=asked,
            card=asked.payment_method["card"],
        )

    @app.post(f"{PAGE}<source>")
    def answer(source: str) -> Response:
        approve = request.form.get("answer") == "approve"

        def effect(attempt: Attempt) -> Question:
            answer_bank(attempt, source, approve=approve)
            return question(attempt.transaction, source)

        asked = calls.on_page(effect)
        if asked.back_url is not None:
            return redirect(asked.back_url, 303)
        return redirect(url_for("bank", source=source), 303)


def _finished(asked: Question) -> Response:
    # Inside of Stripe.js, the page's script tells it; anybody else is shown what came of it.
    return page("bank_done.html", may_be_framed=True, asked=asked)


def _origins(asked: Question) -> list[str]:
    if asked.return_url is None:
        return []
    parts = urlsplit(asked.return_url)
    return [f"{parts.scheme}://{parts.netloc}"]
