"""Provokes the problems of too many requests, and of bodies that come too slowly."""

from typing import Any

from werkzeug.exceptions import RequestTimeout
from werkzeug.test import TestResponse

from payments.access.caller import Role
from payments.limit_settings import RATE_LIMITS
from tests.web.provocations import provokes


@provokes("rate_limited")
def somebody_guesses_tokens(stage: Any) -> TestResponse:
    for _ in range(RATE_LIMITS["address.sign_ins"]):
        guess = {"Authorization": "Bearer guessed"}
        assert stage.client.post("/api/session", headers=guess).status_code == 401
    answer: TestResponse = stage.client.post("/api/session", headers=guess)
    return answer


class _Slow:
    """What gunicorn's worker hands on when the deadline has passed."""

    def read(self, _size: int = -1) -> bytes:
        raise RequestTimeout


@provokes("request_timeout")
def a_body_is_not_finished(stage: Any) -> TestResponse:
    answer: TestResponse = stage.client.post(
        "/api/parties",
        environ_overrides={"wsgi.input": _Slow(), "CONTENT_LENGTH": "9"},
        content_type="application/json",
        headers=stage.key_of(Role.SERVICE),
    )
    return answer
