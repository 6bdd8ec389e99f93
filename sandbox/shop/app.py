"""The shop's server: pages, orders made with the API key, and tokens for the signed-in buyer.

The API key never reaches the browser. The browser gets a short-lived token that says who the buyer
is, and talks to Strongroom itself with it; see static/strongroom.js.
"""

import datetime as dt
import secrets
from typing import Any

import requests
from flask import Flask, Response, abort, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox.client import Strongroom, StrongroomError
from sandbox.identity import issue_token
from sandbox.seed import Parties, seed_parties
from sandbox.shop.catalogue import PRODUCTS, find_product, written
from sandbox.shop.settings import ShopSettings

TOKEN_LIFETIME_S = 300
_NOT_FOUND = 404
_PAID_ALREADY = ("order_not_open", "payment_in_progress")


class Shop:
    """The shop's server side of every purchase."""

    def __init__(self, settings: ShopSettings) -> None:
        self.settings = settings
        self._parties: Parties | None = None

    @property
    def parties(self) -> Parties:
        """The buyer and the seller; found at Strongroom by reference at the first purchase."""
        if self._parties is None:
            self._parties = seed_parties(self.settings.strongroom_url, self.settings.service_key)
        return self._parties

    def order(self, slug: str, *, reference: str) -> str:
        """Create the order for one product and return its id; the same reference, the same id."""
        product = find_product(slug)
        if product is None:
            abort(_NOT_FOUND)
        answer = self._strongroom().post(
            "/api/orders",
            {
                "reference": reference,
                "buyer_id": self.parties.buyer_id,
                "seller_id": self.parties.seller_id,
                "currency": product.currency,
                "lines": [
                    {
                        "description": product.name,
                        "quantity": 1,
                        "unit_amount": str(product.net),
                        "tax_rate": str(product.tax_percent),
                    }
                ],
                "platform_fee": str(product.platform_fee),
            },
        )
        order_id: str = answer["id"]
        return order_id

    def own_order(self, order_id: str) -> dict[str, Any]:
        """The order, if it is the signed-in buyer's; otherwise it does not exist."""
        try:
            order = self._strongroom().get(f"/api/orders/{order_id}")
        except StrongroomError as refusal:
            if refusal.status == _NOT_FOUND:
                abort(_NOT_FOUND)
            raise
        if order["buyer_id"] != self.parties.buyer_id:
            abort(_NOT_FOUND)
        return order

    def refund(
        self, order: dict[str, Any], payment_id: str, *, share: int | None, reference: str
    ) -> None:
        """Give back a share of an order's payment (10: a tenth), or with None all that is left."""
        payment = self._strongroom().get(f"/api/payments/{payment_id}")
        if payment["order_id"] != order["id"]:
            abort(_NOT_FOUND)
        body = {"reference": f"refund-{reference}", "reason": "requested_by_customer"}
        if share is not None:
            body["amount"] = str(int(payment["amount"]) // share)
        self._strongroom().post(f"/api/payments/{payment_id}/refunds", body)

    def bank_page(self, order: dict[str, Any], *, attempt: int) -> str | None:
        """The page of the bank's provider for an attempt to pay an order; None once it is closed.

        Raises:
            StrongroomError: the order cannot be paid by bank, or not now.
        """
        link = self._strongroom().post(
            "/api/payments/bank/link",
            {
                # Clicking again leads to the same page instead of to a second payment.
                "reference": f"bank-{order['id']}-{attempt}",
                "order_id": order["id"],
                "return_url": f"{self.settings.url}/orders/{order['id']}",
            },
        )
        url: str | None = link["link_url"]
        return url

    def token(self, *, now: dt.datetime) -> str:
        """A token that lets the buyer's browser open a session at Strongroom."""
        return issue_token(
            self.settings.identity_key,
            party_id=self.parties.buyer_id,
            role="buyer",
            now=now,
            lifetime_s=TOKEN_LIFETIME_S,
            issuer=self.settings.issuer,
            audience=self.settings.audience,
        )

    def _strongroom(self) -> Strongroom:
        return Strongroom(self.settings.strongroom_url, self.settings.service_key)


def create_app(settings: ShopSettings) -> Flask:
    """The shop as a Flask app; it asks Strongroom for nothing before a page needs it."""
    app = Flask("shop", root_path=__file__.rpartition("/")[0], template_folder="pages")
    shop = Shop(settings)
    app.jinja_env.filters["written"] = lambda amount, currency: written(int(amount), currency)
    app.context_processor(lambda: {"settings": settings})
    app.before_request(lambda: _keep_to_one_origin(settings))
    app.after_request(lambda answer: _protect(answer, settings))
    app.register_error_handler(_NOT_FOUND, _not_found)
    app.register_error_handler(403, _elsewhere)
    app.register_error_handler(StrongroomError, _refused)
    app.register_error_handler(requests.RequestException, _unreachable)
    _add_pages(app, shop)
    _add_checkout(app, shop)
    return app


def _add_pages(app: Flask, shop: Shop) -> None:
    @app.get("/")
    def catalogue() -> str:
        return render_template(
            "catalogue.html", products=PRODUCTS, reference=secrets.token_urlsafe(12)
        )

    @app.post("/buy")
    def buy() -> AnyResponse:
        # A reference made with the page, not with the click: clicking twice orders once.
        reference = f"shop-{request.form['product']}-{request.form['reference']}"
        order_id = shop.order(request.form["product"], reference=reference)
        return redirect(url_for("checkout", order_id=order_id), 303)

    @app.get("/orders/<order_id>")
    def order(order_id: str) -> str:
        return render_template(
            "order.html", order=shop.own_order(order_id), reference=secrets.token_urlsafe(12)
        )

    @app.post("/orders/<order_id>/refund")
    def refund(order_id: str) -> AnyResponse:
        order = shop.own_order(order_id)
        share = 10 if request.form["share"] == "part" else None
        shop.refund(
            order, request.form["payment"], share=share, reference=request.form["reference"]
        )
        return redirect(url_for("order", order_id=order_id), 303)

    @app.post("/token")
    def token() -> Response:
        return jsonify(token=shop.token(now=dt.datetime.now(dt.UTC)))

    @app.get("/healthz")
    def health() -> Response:
        return jsonify(ok=True)


def _add_checkout(app: Flask, shop: Shop) -> None:
    @app.get("/checkout/<order_id>")
    def checkout(order_id: str) -> str:
        # Each attempt is a payment of its own; a reload stays with the one it was at.
        attempt = request.args.get("attempt", 1, type=int)
        return render_template("checkout.html", order=shop.own_order(order_id), attempt=attempt)

    @app.post("/checkout/<order_id>/bank")
    def pay_by_bank(order_id: str) -> AnyResponse:
        attempt = request.form.get("attempt", 1, type=int)
        try:
            page = shop.bank_page(shop.own_order(order_id), attempt=attempt)
        except StrongroomError as refusal:
            if refusal.problem.get("code") not in _PAID_ALREADY:
                raise
            return redirect(url_for("order", order_id=order_id), 303)
        if page is None:  # given up or too late: the next attempt is another payment
            return redirect(url_for("checkout", order_id=order_id, attempt=attempt + 1), 303)
        return redirect(page, 303)


def _keep_to_one_origin(settings: ShopSettings) -> AnyResponse | None:
    if request.path == "/healthz":
        return None
    if request.host_url.rstrip("/") != settings.url:
        # The session cookie belongs to 127.0.0.1, which `localhost` is another site to.
        return redirect(settings.url + request.full_path.rstrip("?"), 308)
    if request.method == "POST" and request.headers.get("Origin") != settings.url:
        abort(403)
    return None


def _protect(answer: Response, settings: ShopSettings) -> Response:
    answer.headers["Content-Security-Policy"] = settings.content_security_policy
    answer.headers["X-Content-Type-Options"] = "nosniff"
    # With no-referrer, browsers hide the origin of our own forms from us too.
    answer.headers["Referrer-Policy"] = "same-origin"
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def _elsewhere(_error: Exception) -> tuple[str, int]:
    return _message("Not from here", "This can be done from the shop's own pages only."), 403


def _not_found(_error: Exception) -> tuple[str, int]:
    return _message("Not found", "There is nothing here, or it is not yours."), _NOT_FOUND


def _refused(refusal: StrongroomError) -> tuple[str, int]:
    return _message("That did not work", f"Strongroom answered {refusal}."), 502


def _unreachable(_error: Exception) -> tuple[str, int]:
    return _message("Just a moment", "Strongroom cannot be reached. Try again shortly."), 503


def _message(title: str, text: str) -> str:
    return render_template("message.html", title=title, text=text)
