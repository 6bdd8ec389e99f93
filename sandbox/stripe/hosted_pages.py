"""The files of the pages Stripe itself shows a payer."""

from pathlib import Path

from flask import Flask, Response, send_from_directory

from sandbox.simulated.pages import written

BROWSER_FILES = Path(__file__).parent / "browser"


def add_files(app: Flask) -> None:
    """Serve Stripe.js, and the scripts and styles of the hosted pages."""

    @app.get("/v3/")
    def stripe_js() -> Response:
        return _file("stripe.js")

    @app.get("/hosted/<name>")
    def hosted(name: str) -> Response:
        return _file(name)

    app.jinja_env.filters["written"] = written


def _file(name: str) -> Response:
    answer = send_from_directory(BROWSER_FILES, name)
    if name.endswith(".js"):
        answer.mimetype = "text/javascript"
    answer.headers["Cache-Control"] = "no-cache"
    return answer
