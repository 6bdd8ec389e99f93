"""Where the platform's own people sign in: one click, and finance is at its desk in Strongroom."""

import datetime as dt

from flask import Flask, Response, jsonify, render_template

from sandbox.identity import FINANCE_ID
from sandbox.shop.shop import Shop


def add_staff(app: Flask, shop: Shop) -> None:
    """Add the page, and the token that it asks for."""

    @app.get("/staff")
    def staff() -> str:
        return render_template("staff.html")

    @app.post("/staff/token")
    def staff_token() -> Response:
        # A real platform asks for a password and a second factor before this.
        now = dt.datetime.now(dt.UTC)
        return jsonify(token=shop.token(now=now, party_id=FINANCE_ID, role="finance"))
