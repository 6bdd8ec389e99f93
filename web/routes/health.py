"""Whether this process runs, and whether it can do its work: for load balancers and people."""

from collections.abc import Callable

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from payments.log_lines import get_logger
from payments.overview.readiness import NEEDED, OK, look_at_database
from web.blueprint import Blueprint
from web.limits import uncounted
from web.parts import Parts, current_parts
from web.policies import public
from web.schemas.status import Health

blueprint = Blueprint("health", __name__)


@blueprint.route("/healthz", methods=["GET"])
@public("A load balancer asks; nothing is told")
@uncounted
@blueprint.response(200, Health)
def alive() -> dict[str, object]:
    """Say that the process answers; nothing else is looked at."""
    return {"status": "ok", "checks": {}}


@blueprint.route("/readyz", methods=["GET"])
@public("A load balancer asks; only up or down is told")
@uncounted
@blueprint.response(200, Health)
@blueprint.also_answers(503, Health)
def ready() -> tuple[dict[str, object], int]:
    """Say how each part is; 503 when this process cannot work without one that is not well.

    `degraded`, and 200: requests are served, and something else needs looking at.
    """
    checks = look_around(current_parts())
    unwell = {name for name, state in checks.items() if state != OK}
    if unwell.intersection(NEEDED):
        return {"status": "unavailable", "checks": checks}, 503
    return {"status": "degraded" if unwell else OK, "checks": checks}, 200


def look_around(parts: Parts) -> dict[str, str]:
    """Return how each part is that this process needs, or that the system needs besides."""
    try:
        checks = look_at_database(parts.engine, now=parts.now())
    except SQLAlchemyError as error:
        _log_unreachable("postgresql", error)
        checks = {"postgresql": "unreachable"}
    return {**checks, "redis": _state("redis", parts.redis.ping)}


def look_at_parts(parts: Parts) -> dict[str, str]:
    """Return `ok` or `unreachable` for each part this process needs."""
    return {
        "postgresql": _state("postgresql", lambda: _ask_postgresql(parts)),
        "redis": _state("redis", parts.redis.ping),
    }


def _ask_postgresql(parts: Parts) -> None:
    with parts.engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def _state(name: str, ask: Callable[[], object]) -> str:
    try:
        ask()
    except (SQLAlchemyError, redis.RedisError) as error:
        _log_unreachable(name, error)
        return "unreachable"
    return OK


def _log_unreachable(name: str, error: Exception) -> None:
    get_logger(__name__).warning("part_unreachable", part=name, reason=type(error).__name__)
