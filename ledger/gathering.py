"""Gathers entries of concurrent callers into one commit, for callers without a transaction.

A commit waits for the disk, and thirty callers who each commit wait thirty times. Here one thread
posts as one batch whatever has been brought while it posted the batch before.
"""

import queue
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import NamedTuple, Self

from sqlalchemy import Engine

from ledger.entries import Entry, Posted, Refused
from ledger.posting import Result, post_batch

MOST = 500
LINGER_S = 0.001


class _Brought(NamedTuple):
    entry: Entry
    answer: "Future[Result]"


class Gatherer:
    """Posts single entries of many threads; use it as a context manager, which ends its thread."""

    def __init__(self, engine: Engine) -> None:
        # A batch is one statement, so it needs no BEGIN and COMMIT around it.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._brought: queue.SimpleQueue[_Brought | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="ledger-gatherer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._brought.put(None)
        self._thread.join()

    def post(self, entry: Entry) -> Posted:
        """Post an entry in a transaction shared with other callers; it is durable on return.

        Raises:
            LedgerError: as `ledger.post`; the other callers' entries are posted all the same.
            sqlalchemy.exc.DBAPIError: the outcome is unknown; the same entry may be posted again.
        """
        brought = _Brought(entry, Future())
        self._brought.put(brought)
        result = brought.answer.result()
        if isinstance(result, Refused):
            raise result.error
        return result

    def _work(self) -> None:
        size = 1
        while (first := self._brought.get()) is not None:
            batch, ended = self._take(first, expected=size)
            size = len(batch)
            try:
                with self._engine.connect() as connection:
                    results = post_batch(connection, [brought.entry for brought in batch])
            except Exception as error:  # noqa: BLE001 - it belongs to the callers, who wait for it
                for brought in batch:
                    brought.answer.set_exception(error)
            else:
                for brought, result in zip(batch, results, strict=True):
                    brought.answer.set_result(result)
            if ended:
                return

    def _take(self, first: _Brought, *, expected: int) -> tuple[list[_Brought], bool]:
        """Take what is there, and wait a moment for as many as came the last time.

        Callers just answered come back with their next entry within that moment; without the wait
        the first of them would be posted alone.
        """
        batch = [first]
        while len(batch) < MOST:
            try:
                patience_s = LINGER_S if len(batch) < expected else 0
                brought = self._brought.get(block=patience_s > 0, timeout=patience_s or None)
            except queue.Empty:
                break
            if brought is None:
                return batch, True
            batch.append(brought)
        return batch, False
