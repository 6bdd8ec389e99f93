"""Rings the doorbell after a request that may have left work or news behind."""

from http import HTTPStatus

import redis
from flask import Flask, Response, g, request

from payments.crash_points import reach
from payments.delivery import doorbell
from web.parts import current_parts

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def install_ringing(app: Flask) -> None:
    """Wake the relay when the answer has been sent, so that nobody waits for Redis."""
    app.after_request(_ring_when_sent)


def let_it_be() -> None:
    """Ring for nobody after this request: it left nothing that others have not rung for."""
    g.let_it_be = True


def _ring_when_sent(response: Response) -> Response:
    if "let_it_be" in g or request.method in _READING:
        return response
    if response.status_code < HTTPStatus.BAD_REQUEST:
        reach("web.before_answer")
        bell = current_parts().redis
        response.call_on_close(lambda: _ring(bell))
    return response


def _ring(bell: redis.Redis) -> None:
    reach("web.answered")
    doorbell.ring(bell)
