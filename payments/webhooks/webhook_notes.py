"""What is noted of webhooks' signatures: why some were refused, and which secret others matched.

Kept in the process and written every few seconds: a webhook that is taken costs no statement for
it, and a flood of forged ones costs no more than a few forged ones do.
"""

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from payments.log_lines import get_logger
from payments.telemetry.measuring import count
from payments.telemetry.meters import WEBHOOKS

WRITE_EVERY_S = 5.0
MATCH_NOTED_EVERY_S = 60.0

_log = get_logger(__name__)

_COUNT = text("""
    INSERT INTO strongroom.webhook_refusals AS known (provider, reason, hour, count)
    VALUES (:provider, :reason, :hour, :count)
        ON CONFLICT (provider, reason, hour) DO UPDATE SET count = known.count + excluded.count
""")
_MATCHED = text("""
    UPDATE strongroom.secret_versions
       SET last_matched_at = greatest(last_matched_at, :matched_at) WHERE id = :id
""")


class WebhookNotes:
    """The notes of a process; threads share them."""

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Callable[[], float] = time.monotonic,
        writes_by_itself: bool = False,
    ) -> None:
        """Nothing is noted yet; without `writes_by_itself`, whoever comes next writes."""
        self._engine = engine
        self._clock = clock
        self._writes_by_itself = writes_by_itself
        self._timer: threading.Timer | None = None
        self._refused: Counter[tuple[str, str, dt.datetime]] = Counter()
        self._matched: dict[str, dt.datetime] = {}
        self._noted_at: dict[str, float] = {}
        self._written_at: float | None = None
        self._lock = threading.Lock()

    def refused(self, provider: str, reason: str, *, now: dt.datetime) -> None:
        """Count a webhook that was refused; nothing else of it is kept."""
        with self._lock:
            self._refused[provider, reason, now.replace(minute=0, second=0, microsecond=0)] += 1
        count(WEBHOOKS, provider, reason)
        self.write_if_due()

    def matched(self, secret_id: str | None, *, now: dt.datetime) -> None:
        """Note that a webhook was signed with this version of our secret, once a minute."""
        if secret_id is not None:
            noted_at = self._noted_at.get(secret_id)
            if noted_at is None or self._clock() - noted_at >= MATCH_NOTED_EVERY_S:
                with self._lock:
                    self._noted_at[secret_id] = self._clock()
                    self._matched[secret_id] = now
        if self._refused or self._matched:
            self.write_if_due()

    def write_if_due(self) -> None:
        """Write what was noted, unless somebody did so some seconds ago. Never raises for it."""
        if self._written_at is None or self._clock() - self._written_at >= WRITE_EVERY_S:
            self.write()
        elif self._writes_by_itself:
            self._write_later()

    def close(self) -> None:
        """Write what is left by this thread, and nothing by itself any more."""
        with self._lock:
            self._writes_by_itself = False
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            self.write()

    def _write_later(self) -> None:
        """Have it written soon, should nobody come: a process may get no webhook for hours."""
        with self._lock:
            if self._timer is None and self._writes_by_itself:
                self._timer = threading.Timer(WRITE_EVERY_S, self._write_by_itself)
                self._timer.daemon = True
                self._timer.start()

    def _write_by_itself(self) -> None:
        with self._lock:
            self._timer = None
        self.write()

    def write(self) -> None:
        """Write what was noted, now. Never raises for it."""
        with self._lock:
            self._written_at = self._clock()
            refused, self._refused = self._refused, Counter()
            matched, self._matched = self._matched, {}
        try:
            self._write(refused, matched)
        except SQLAlchemyError as error:
            _log.warning("webhook_notes_not_written", error=type(error).__name__)
            with self._lock:
                self._refused.update(refused)

    def _write(
        self,
        refused: Counter[tuple[str, str, dt.datetime]],
        matched: dict[str, dt.datetime],
    ) -> None:
        counted = [
            {"provider": provider, "reason": reason, "hour": hour, "count": count}
            for (provider, reason, hour), count in sorted(refused.items())
        ]
        with self._engine.begin() as connection:
            if counted:  # a driver takes an empty list for one row of nothing
                connection.execute(_COUNT, counted)
            for secret_id, matched_at in sorted(matched.items()):
                connection.execute(_MATCHED, {"id": secret_id, "matched_at": matched_at})
