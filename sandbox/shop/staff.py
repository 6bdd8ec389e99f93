"""Where the platform's own people sign in: one click, and they are in Strongroom's console."""

import datetime as dt

from flask import Flask, Response, abort, jsonify, render_template

from sandbox.identity import STAFF
from sandbox.shop.shop import Shop


def add_staff(app: Flask, shop: Shop) -> None:
    """Add the page, and the token that it asks for."""

    @app.get("/staff")
    def staff() -> str:
        return render_template("staff.html", staff=STAFF)

    @app.post("/staff/<who>/token")
    def staff_token(who: str) -> Response:
        # A real platform asks for a password and a second factor before this.
        if who not in STAFF:
            abort(404)
        now = dt.datetime.now(dt.UTC)
        return jsonify(token=shop.token(now=now, party_id=STAFF[who].id, role=STAFF[who].role))
