"""The shop's server: pages, orders made with the API key, and tokens for the signed-in buyer.

The API key never reaches the browser. The browser gets a short-lived token that says who the buyer
is, and talks to Strongroom itself with it; see static/strongroom.js.
"""

import datetime as dt
import secrets

import requests
from flask import Flask, Response, abort, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox.chain.wallet import NodeError
from sandbox.client import StrongroomError
from sandbox.shop.catalogue import PRODUCTS, written
from sandbox.shop.content_policy import REPORTS, install_policies, takes_cards
from sandbox.shop.escrow_pages import add_escrow
from sandbox.shop.settings import ShopSettings
from sandbox.shop.shop import Shop
from sandbox.shop.staff import add_staff

_NOT_FOUND = 404


def create_app(settings: ShopSettings) -> Flask:
    """The shop as a Flask app; it asks Strongroom for nothing before a page needs it."""
    app = Flask("shop", root_path=__file__.rpartition("/")[0], template_folder="pages")
    shop = Shop(settings)
    app.jinja_env.filters["written"] = lambda amount, currency: written(int(amount), currency)
    app.context_processor(lambda: {"settings": settings})
    app.before_request(lambda: _keep_to_one_origin(settings))
    install_policies(app, settings)
    app.register_error_handler(_NOT_FOUND, _not_found)
    app.register_error_handler(403, _elsewhere)
    app.register_error_handler(StrongroomError, _refused)
    app.register_error_handler(NodeError, _no_deposit)
    app.register_error_handler(requests.RequestException, _unreachable)
    _add_pages(app, shop)
    _add_checkout(app, shop)
    add_escrow(app, shop)
    add_staff(app, shop)
    return app


def _add_pages(app: Flask, shop: Shop) -> None:
    @app.get("/")
    def catalogue() -> str:
        return render_template(
            "catalogue.html",
            products=list(filter(shop.settings.sells, PRODUCTS)),
            reference=secrets.token_urlsafe(12),
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
    @takes_cards(shop.settings)
    def checkout(order_id: str) -> str:
        # Each attempt is a payment of its own; a reload stays with the one it was at.
        attempt = request.args.get("attempt", 1, type=int)
        return render_template("checkout.html", order=shop.own_order(order_id), attempt=attempt)


def _keep_to_one_origin(settings: ShopSettings) -> AnyResponse | None:
    if request.path == "/healthz":
        return None
    if request.host_url.rstrip("/") != settings.url:
        # The session cookie belongs to 127.0.0.1, which `localhost` is another site to.
        return redirect(settings.url + request.full_path.rstrip("?"), 308)
    if request.path == REPORTS:  # browsers send them by themselves; see violations.py
        return None
    if request.method == "POST" and request.headers.get("Origin") != settings.url:
        abort(403)
    return None


def _elsewhere(_error: Exception) -> tuple[str, int]:
    return _message("Not from here", "This can be done from the shop's own pages only."), 403


def _not_found(_error: Exception) -> tuple[str, int]:
    return _message("Not found", "There is nothing here, or it is not yours."), _NOT_FOUND


def _refused(refusal: StrongroomError) -> tuple[str, int]:
    return _message("That did not work", f"Strongroom answered {refusal}."), 502


def _no_deposit(refusal: NodeError) -> tuple[str, int]:
    return _message("The wallet could not pay", f"The chain's node said: {refusal}."), 502


def _unreachable(_error: Exception) -> tuple[str, int]:
    return _message("Just a moment", "Strongroom or the chain cannot be reached. Try again."), 503


def _message(title: str, text: str) -> str:
    return render_template("message.html", title=title, text=text)
