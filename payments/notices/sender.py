"""Sends what is due, several at once to each receiver and none behind another's slowness.

Each receiver has threads of its own. Nobody waits for a slow one: its calls end by themselves,
and what of it is under way counts against its room alone.
"""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from sqlalchemy import Engine

from payments.database import in_transaction
from payments.log_lines import get_logger
from payments.notices.claim_due import Claimed, claim_due
from payments.notices.endpoints import MAX_ENDPOINTS
from payments.notices.record_outcome import record_outcome
from payments.notices.send import send
from payments.outgoing.calls import OutgoingCalls
from payments.privacy.encryption import FieldCipher

LANES = 8
"""How many notices one receiver is sent at once."""

_log = get_logger(__name__)


class Sender:
    """What a process sends with; its threads live as long as it does."""

    def __init__(
        self,
        engine: Engine,
        *,
        cipher: FieldCipher,
        calls: OutgoingCalls,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._engine = engine
        self._cipher = cipher
        self._calls = calls
        self._clock = clock
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._busy: Counter[str] = Counter()
        self._ended = threading.Condition()
        self._count = 0
        self.figures: Counter[str] = Counter()

    def begin_due(self) -> int:
        """Begin sending what is due and return how many that is."""
        with self._ended:
            busy = {name: count for name, count in self._busy.items() if count}
        claimed = in_transaction(
            self._engine,
            lambda session: claim_due(
                session, cipher=self._cipher, lanes=LANES, busy=busy, now=self._clock()
            ),
        )
        for one in claimed:
            with self._ended:
                self._busy[one.endpoint_id] += 1
            self._pool_of(one.endpoint_id).submit(self._send, one).add_done_callback(
                _log_unforeseen
            )
        return len(claimed)

    @property
    def ended(self) -> int:
        """How many calls have ended since the process began."""
        with self._ended:
            return self._count

    def wait(self, *, seen: int, timeout_s: float) -> bool:
        """Wait until more than `seen` calls have ended; False when none does in time.

        At once, when nothing is under way.
        """
        with self._ended:
            self._ended.wait_for(
                lambda: self._count > seen or not any(self._busy.values()), timeout_s
            )
            return self._count > seen

    def take_figures(self) -> Counter[str]:
        """Return how many were delivered and how many not since it was asked last."""
        with self._ended:
            taken, self.figures = self.figures, Counter()
        return taken

    def close(self) -> None:
        """Wait for what is under way, and hang up."""
        for pool in self._pools.values():
            pool.shutdown()
        self._calls.close()

    def _pool_of(self, endpoint_id: str) -> ThreadPoolExecutor:
        """Return an endpoint's threads; those of endpoints that are no more are let go of."""
        if endpoint_id not in self._pools:
            if len(self._pools) >= MAX_ENDPOINTS:
                with self._ended:
                    idle = [name for name in self._pools if not self._busy[name]]
                for name in idle:
                    self._pools.pop(name).shutdown(wait=False)
            self._pools[endpoint_id] = ThreadPoolExecutor(LANES, thread_name_prefix=endpoint_id)
        return self._pools[endpoint_id]

    def _send(self, claimed: Claimed) -> None:
        word = "broken_off"
        try:
            outcome = send(self._calls, claimed, now=self._clock())
            in_transaction(
                self._engine,
                lambda session: record_outcome(session, claimed, outcome, now=self._clock()),
            )
            word = "delivered" if outcome.is_delivered else "not_delivered"
        finally:
            with self._ended:
                self.figures[word] += 1
                self._busy[claimed.endpoint_id] -= 1
                self._count += 1
                self._ended.notify_all()


def _log_unforeseen(ended: Future[None]) -> None:
    error = ended.exception()
    if error is not None:
        _log.error("notice_broken_off", why=type(error).__name__, exc_info=error)
