"""Provokes the problems of too many requests, and of bodies that come too slowly."""

from typing import Any

from werkzeug.test import TestResponse

from payments.limit_settings import RATE_LIMITS
from tests.web.provocations import provokes


@provokes("rate_limited")
def somebody_guesses_tokens(stage: Any) -> TestResponse:
    for _ in range(RATE_LIMITS["address.sign_ins"]):
        guess = {"Authorization": "Bearer guessed"}
        assert stage.client.post("/api/session", headers=guess).status_code == 401
    answer: TestResponse = stage.client.post("/api/session", headers=guess)
    return answer
