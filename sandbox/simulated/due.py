"""What a provider does by itself after a while, in a thread of its own."""

import threading
from collections.abc import Callable

from sandbox.simulated.deliveries import Deliveries
from sandbox.simulated.store import Store, Transaction

_ROUND_S = 0.1


class DueWork:
    """A thread that looks ten times a second for what is due."""

    def __init__(
        self,
        store: Store,
        deliveries: Deliveries,
        *,
        now: Callable[[], float],
        do: Callable[[Transaction, str], None],
    ) -> None:
        """`do` does what is due about the object of an id, within a transaction."""
        self._store = store
        self._deliveries = deliveries
        self._now = now
        self._do = do
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
                (self._now(),),
            ).fetchone()
            if row is None:
                return False
            self._do(transaction, row[0])
            return True
