"""One log line for what a transaction posted in the ledger, once it is committed."""

from typing import Any

from sqlalchemy import Connection, Engine, event

from ledger import NOTED
from payments.log_lines import get_logger
from payments.telemetry.measuring import count
from payments.telemetry.meters import LEDGER_ENTRIES

KEYS_A_LINE = 100

_COMMITTED = "strongroom.committed"
_MARKS = "strongroom.savepoints"
_log = get_logger(__name__)


def tell_of_entries(engine: Engine) -> None:
    """Count the entries that are posted over this engine, and name them in the log."""
    event.listen(engine, "begin", _begin)
    event.listen(engine, "commit", _commit)
    event.listen(engine, "rollback", _forget)
    event.listen(engine, "savepoint", _mark)
    event.listen(engine, "release_savepoint", _drop_mark)
    event.listen(engine, "rollback_savepoint", _back_to_mark)
    event.listen(engine, "checkin", _tell)


def _begin(connection: Connection) -> None:
    connection.info[NOTED] = []
    connection.info[_MARKS] = []


def _commit(connection: Connection) -> None:
    """Keep what was noted: it is said just before the commit, which may yet fail."""
    noted = connection.info.pop(NOTED, None)
    if noted:
        connection.info.setdefault(_COMMITTED, []).extend(noted)


def _forget(connection: Connection) -> None:
    if connection.invalidated:  # the server hung up: there is nothing to keep a note in
        return
    connection.info.pop(NOTED, None)
    connection.info.pop(_COMMITTED, None)


def _mark(connection: Connection, _name: object) -> None:
    """Note where a savepoint is; they end in the opposite order."""
    connection.info[_MARKS].append(len(connection.info[NOTED]))


def _drop_mark(connection: Connection, _name: object, _context: object) -> None:
    connection.info[_MARKS].pop()


def _back_to_mark(connection: Connection, _name: object, _context: object) -> None:
    """Forget what was noted since a savepoint that is gone back to."""
    if connection.invalidated:
        return
    del connection.info[NOTED][connection.info[_MARKS].pop() :]


def _tell(connection: Any, record: Any) -> None:
    posted: list[tuple[str, str]] = record.info.pop(_COMMITTED, ())
    if connection is None:  # the server hung up: nobody knows whether it committed
        return
    for start in range(0, len(posted), KEYS_A_LINE):
        keys = [key for _, key in posted[start : start + KEYS_A_LINE]]
        _log.info("entries_posted", count=len(keys), entries=" ".join(keys))
    for kind, _ in posted:
        count(LEDGER_ENTRIES, kind)
