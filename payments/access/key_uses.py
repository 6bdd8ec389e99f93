"""From where each API key is used, by network and day: when one leaks, that is what is asked.

What comes from a network for the first time is written at once, so that a stranger beside the
rightful caller is seen, and so is a first refusal; after that once a minute, by whoever comes
next. The last minute's uses of a process that dies are lost.
"""

import datetime as dt
import threading
from dataclasses import dataclass

from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from payments.access.tables import ApiKey
from payments.log_lines import get_logger

WRITTEN_EVERY = dt.timedelta(minutes=1)
MOST_KNOWN = 10_000
"""Keys with networks that a process keeps in mind; with more it begins anew."""

_log = get_logger(__name__)

_WRITE = text("""
    INSERT INTO strongroom.key_uses AS known
           (key_id, network, day, uses, refused, first_at, last_at)
    VALUES (:key_id, :network, :day, :uses, :refused, :now, :now)
        ON CONFLICT (key_id, day, network) DO UPDATE
       SET uses = known.uses + excluded.uses, refused = known.refused + excluded.refused,
           last_at = greatest(known.last_at, excluded.last_at)
""")


@dataclass
class _Known:
    """What was not written yet of one key and network, and when it was written last."""

    written_at: dt.datetime | None = None
    times: int = 0

    def is_due(self, now: dt.datetime) -> bool:
        return self.written_at is None or now - self.written_at >= WRITTEN_EVERY


class KeyUseNotes:
    """The notes of a process; threads share them."""

    def __init__(self, engine: Engine) -> None:
        """Nothing is noted yet."""
        self._engine = engine
        self._known: dict[tuple[str, str, bool], _Known] = {}
        self._lock = threading.Lock()

    def note(self, key_id: str, network: str, *, refused: bool, now: dt.datetime) -> None:
        """Note that a key opened something, or would have if it still did. Never raises for it."""
        with self._lock:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known.setdefault((key_id, network, refused), _Known())
            known.times += 1
            if not known.is_due(now):
                return
            times, known.written_at, known.times = known.times, now, 0
        counted = {"uses": 0 if refused else times, "refused": times if refused else 0}
        named = {"key_id": key_id, "network": network, "day": now.date(), "now": now}
        try:
            with self._engine.begin() as connection:
                connection.execute(_WRITE, named | counted)
        except SQLAlchemyError as error:
            _log.warning("key_use_not_written", key=key_id, error=type(error).__name__)


def note_last_use(session: Session, key_id: str, *, now: dt.datetime) -> None:
    """Note when a key was used last."""
    # Skipped when somebody else holds the row: it is being noted or rotated right now.
    free = select(ApiKey.id).where(ApiKey.id == key_id).with_for_update(skip_locked=True)
    session.execute(
        update(ApiKey)
        .where(ApiKey.id.in_(free))
        .values(last_used_at=func.greatest(ApiKey.last_used_at, now))
        .execution_options(synchronize_session=False)
    )
