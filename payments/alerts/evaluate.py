"""Looks whether conditions are true, and opens, repeats and ends alerts by it.

Several workers may do it at once: each condition is looked at by one of them at a time, and the
database allows one alert of a condition that is not over. A condition that cannot be looked at
leaves its alert as it is, and is an alert itself.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.alerts.condition import Condition, Measured
from payments.alerts.follow import follow
from payments.database import in_transaction
from payments.log_lines import get_logger
from payments.settings import Settings

BUSY_FOR = dt.timedelta(seconds=40)

_TAKE_TURN = text("""
    SELECT pg_try_advisory_xact_lock(hashtextextended('strongroom.alerts ' || :condition, 0))
""")
# A question that takes longer is not to be asked every half minute.
_NOT_LONG = text("SET LOCAL statement_timeout = '3s'")
_AS_LONG_AS_USUAL = text("SET LOCAL statement_timeout TO DEFAULT")
_log = get_logger(__name__)


@dataclass
class Evaluation:
    """What came of it: how many conditions are true, and which could not be looked at."""

    true: int = 0
    looked_at: int = 0
    unreadable: list[str] = field(default_factory=list)


def evaluate_all(
    engine: Engine,
    conditions: Sequence[Condition],
    *,
    settings: Settings,
    clock: Callable[[], dt.datetime],
    unreadable: Callable[[Sequence[str]], Condition],
) -> Evaluation:
    """Look at every condition, the gravest first, and then whether all could be looked at.

    `unreadable` makes the condition that stands for those that could not be.

    Raises:
        DBAPIError: the database is away.
    """
    done = Evaluation()
    until = clock() + BUSY_FOR
    for condition in sorted(conditions, key=lambda one: one.priority):
        if clock() > until:
            done.unreadable.append(condition.name)
            continue
        _evaluate(engine, condition, done, settings=settings, now=clock())
    last = unreadable(tuple(done.unreadable))
    _evaluate(engine, last, done, settings=settings, now=clock())
    return done


def _evaluate(
    engine: Engine,
    condition: Condition,
    done: Evaluation,
    *,
    settings: Settings,
    now: dt.datetime,
) -> None:
    def look(session: Session) -> Measured | None:
        if not session.scalar(_TAKE_TURN, {"condition": condition.name}):
            return None  # somebody else is looking at it
        session.execute(_NOT_LONG)
        found = condition.measure(session, settings, now)
        session.execute(_AS_LONG_AS_USUAL)
        follow(session, condition, found, settings=settings, now=now)
        return found

    try:
        found = in_transaction(engine, look)
    except Exception as error:
        if _is_away(error):
            raise
        # One that is wrong must not hide the others, nor keep their messages back.
        done.unreadable.append(condition.name)
        reason = type(getattr(error, "orig", None) or error).__name__
        _log.error("condition_unreadable", condition=condition.name, reason=reason)
        return
    if found is not None:
        done.looked_at += 1
        done.true += condition.is_true(found)


def _is_away(error: Exception) -> bool:
    """Whether it is the database's answer that failed to come, and not the question."""
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None
