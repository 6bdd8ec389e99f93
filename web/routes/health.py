"""Whether this process runs, and whether it can do its work: for load balancers and people."""

from collections.abc import Callable

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from payments.log_lines import get_logger
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
    """Say whether PostgreSQL and Redis answer; 503 when one does not."""
    checks = look_at_parts(current_parts())
    is_ready = all(state == "ok" for state in checks.values())
    return {"status": "ok" if is_ready else "unavailable", "checks": checks}, (
        200 if is_ready else 503
    )


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
        get_logger(__name__).warning("part_unreachable", part=name, reason=type(error).__name__)
        return "unreachable"
    return "ok"
