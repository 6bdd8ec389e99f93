"""What the shop's pages do about escrows: pay one from the test wallet, release it."""

from flask import Flask, redirect, request, url_for
from werkzeug.wrappers import Response

from sandbox.shop.escrows import pay_in
from sandbox.shop.shop import Shop


def add_escrow(app: Flask, shop: Shop) -> None:
    """Register the forms' targets."""

    @app.post("/orders/<order_id>/deposit")
    def deposit(order_id: str) -> Response:
        escrow = shop.own_escrow(shop.own_order(order_id), request.form["escrow"])
        pay_in(shop.settings, escrow)
        return redirect(url_for("order", order_id=order_id), 303)

    @app.post("/orders/<order_id>/release")
    def release(order_id: str) -> Response:
        order = shop.own_order(order_id)
        shop.release(order, request.form["payment"], reference=request.form["reference"])
        return redirect(url_for("order", order_id=order_id), 303)
