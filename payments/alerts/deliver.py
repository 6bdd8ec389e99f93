"""Sends the messages that are due: P1 first, each address for itself, again until it arrives.

A claim counts the attempt and puts the message off before it is sent: so one that kills its sender
is sent again, perhaps twice, and never lost.
"""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from payments.alerts.apprise_sender import NotSentError
from payments.crash_points import reach
from payments.database import in_transaction
from payments.log_lines import get_logger
from payments.settings import Settings

SENDERS = 4
"""So many are sent at once: a service that hangs holds up none of the others."""

BUSY_FOR = dt.timedelta(seconds=20)
GIVE_UP_AFTER = dt.timedelta(hours=24)
_LEASE = dt.timedelta(seconds=60)
_FIRST_WAIT = dt.timedelta(seconds=10)
_LONGEST_WAIT = dt.timedelta(minutes=5)

_CLAIM = text("""
    UPDATE strongroom.alert_deliveries
       SET attempts = attempts + 1, attempted_at = :now, due_at = :until
     WHERE number = (SELECT number FROM strongroom.alert_deliveries
                      WHERE state = 'waiting' AND due_at <= :now
                      ORDER BY priority, due_at, number LIMIT 1 FOR UPDATE SKIP LOCKED)
 RETURNING number, target, address, title, body, kind, attempts, created_at
""")
_DELIVERED = text("""
    UPDATE strongroom.alert_deliveries SET state = 'delivered', delivered_at = :now, error = NULL
     WHERE number = :number AND state IN ('waiting', 'replaced')
""")
_NOT_DELIVERED = text("""
    UPDATE strongroom.alert_deliveries SET state = :state, error = :error, due_at = :due_at
     WHERE number = :number AND state = 'waiting'
""")
_log = get_logger(__name__)


class Send(Protocol):
    """Sends one message, or raises `NotSentError`."""

    def __call__(self, address: str, *, title: str, body: str, kind: str) -> None:
        """Send it."""


@dataclass(frozen=True)
class _Claimed:
    number: int
    target: str
    address: int
    title: str
    body: str
    kind: str
    attempts: int
    created_at: dt.datetime


def deliver_due(
    engine: Engine, *, settings: Settings, send: Send, clock: Callable[[], dt.datetime]
) -> dict[str, int]:
    """Send what is due, for about `BUSY_FOR` at most; return how many arrived and how many not."""
    until = clock() + BUSY_FOR

    def work(_number: int) -> tuple[int, int]:
        sent = failed = 0
        while clock() < until:
            claimed = in_transaction(engine, lambda session: _claim(session, now=clock()))
            if claimed is None:
                break
            arrived = _deliver(engine, claimed, settings=settings, send=send, clock=clock)
            sent, failed = sent + arrived, failed + (not arrived)
        return sent, failed

    with ThreadPoolExecutor(SENDERS, thread_name_prefix="alerts") as pool:
        done = list(pool.map(work, range(SENDERS)))
    return {"sent": sum(one for one, _ in done), "not_sent": sum(one for _, one in done)}


def _claim(session: Session, *, now: dt.datetime) -> _Claimed | None:
    asked = {"now": now, "until": now + _LEASE}
    row = session.execute(_CLAIM, asked).mappings().one_or_none()
    return None if row is None else _Claimed(**row)


def _deliver(
    engine: Engine,
    claimed: _Claimed,
    *,
    settings: Settings,
    send: Send,
    clock: Callable[[], dt.datetime],
) -> bool:
    addresses = settings.alert_targets.get(claimed.target, ())
    if claimed.address > len(addresses):
        told = {"state": "no_address", "error": "it is not configured any more"}
        _write(engine, _NOT_DELIVERED, number=claimed.number, due_at=clock(), **told)
        return False
    try:
        send(
            addresses[claimed.address - 1],
            title=claimed.title,
            body=claimed.body,
            kind=claimed.kind,
        )
    except NotSentError as error:
        now = clock()
        gives_up = now - claimed.created_at >= GIVE_UP_AFTER
        _write(
            engine,
            _NOT_DELIVERED,
            number=claimed.number,
            state="failed" if gives_up else "waiting",
            error=str(error)[:200],
            due_at=now + min(_FIRST_WAIT * 2 ** min(claimed.attempts - 1, 10), _LONGEST_WAIT),
        )
        _log.warning("alert_not_sent", number=claimed.number, target=claimed.target, why=str(error))
        return False
    reach("alert.sent")
    _write(engine, _DELIVERED, number=claimed.number, now=clock())
    return True


def _write(engine: Engine, statement: object, **values: object) -> None:
    in_transaction(engine, lambda session: session.execute(statement, values))  # type: ignore[call-overload] # one of the statements above
