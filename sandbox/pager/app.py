"""Takes what apprise posts to `json://…/<target>` and shows it, newest first."""

import datetime as dt
import threading
from collections import deque
from typing import Any

from flask import Flask, Response, jsonify, request
from markupsafe import escape

KEPT = 200
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">
<title>Pager</title><link rel="stylesheet" href="/pager.css"></head>
<body><h1>Pager</h1><p>What the people of each target are told. Newest first.</p>{}</body></html>"""
_STYLE = """:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:48rem;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap}
article{border-left:.3rem solid #c33;padding:.1rem 1rem;margin:1rem 0}
article.success{border-color:#2a7}article.info{border-color:#47c}small{opacity:.7}"""


class Pager:
    """The messages that arrived, and whether it takes any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.status = 200

    def take(self, target: str, told: dict[str, Any], *, at: str) -> None:
        """Keep a message for a target."""
        with self._lock:
            self._messages.appendleft(
                {
                    "target": target,
                    "title": str(told.get("title", "")),
                    "message": str(told.get("message", "")),
                    "type": str(told.get("type", "")),
                    "at": at,
                }
            )

    def messages(self) -> list[dict[str, Any]]:
        """Return what arrived, newest first."""
        with self._lock:
            return list(self._messages)


def create_app(pager: Pager | None = None) -> Flask:
    """Make the pager's application."""
    pager = pager or Pager()
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024

    @app.get("/healthz")
    def alive() -> Response:
        return jsonify(status="ok")

    @app.post("/<target>")
    def take(target: str) -> tuple[Response, int]:
        if pager.status == 200:  # noqa: PLR2004 - or it is told to refuse
            now = dt.datetime.now(dt.UTC)
            at = f"{now:%Y-%m-%dT%H:%M:%SZ}"
            pager.take(target, request.get_json(), at=at)
        return jsonify(status=pager.status), pager.status

    @app.put("/status/<int:status>")
    def answer_with(status: int) -> Response:
        """Have it refuse what comes with a status, or take it again with 200."""
        pager.status = status
        return jsonify(status=status)

    @app.get("/messages")
    def messages() -> Response:
        return jsonify(data=pager.messages())

    @app.get("/pager.css")
    def style() -> Response:
        return Response(_STYLE, mimetype="text/css")

    @app.get("/")
    def page() -> str:
        shown = "".join(_article(message) for message in pager.messages())
        return _PAGE.format(shown or "<p>Nobody was told anything yet.</p>")

    return app


def _article(message: dict[str, Any]) -> str:
    return (
        f'<article class="{escape(message["type"])}"><h2>{escape(message["title"])}</h2>'
        f"<pre>{escape(message['message'])}</pre>"
        f"<small>{escape(message['target'])}, {escape(message['at'])}</small></article>"
    )
