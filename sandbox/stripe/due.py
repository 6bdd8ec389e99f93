"""What Stripe does by itself after a while: finish payments, refunds and payouts, open disputes."""

import threading
from collections.abc import Callable

from sandbox.stripe import checkout_sessions, sequels
from sandbox.stripe.account import Account, new_id
from sandbox.stripe.attempts import Attempt
from sandbox.stripe.deliveries import Deliveries
from sandbox.stripe.events import Request
from sandbox.stripe.store import Store

_ROUND_S = 0.1
# What is done about an object when it is due, by the prefix of its id.
_WHAT_IS_DUE: dict[str, Callable[[Attempt, str], None]] = {
    "cs": checkout_sessions.expire_when_due,
    **sequels.BY_PREFIX,
}


class DueWork:
    """A thread that looks ten times a second for what is due."""

    def __init__(self, store: Store, account: Account, deliveries: Deliveries) -> None:
        self._store = store
        self._account = account
        self._deliveries = deliveries
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="due-work", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being done and stop."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_ROUND_S):
            while self.do_one() and not self._stopping.is_set():
                self._deliveries.wake()

    def do_one(self) -> bool:
        """Do the one thing that is due longest, in one transaction; False if nothing is."""
        with self._store.transaction() as transaction:
            row = transaction.sql.execute(
                "DELETE FROM due WHERE id = (SELECT id FROM due WHERE due_at <= ?"
                " ORDER BY due_at LIMIT 1) RETURNING id",
                (self._account.now(),),
            ).fetchone()
            if row is None:
                return False
            attempt = Attempt(transaction, self._account, Request(new_id("req", length=14)))
            _WHAT_IS_DUE[row[0].partition("_")[0]](attempt, row[0])
            return True
