"""A simulated provider's books in one SQLite file, so that a restart forgets nothing."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Resource = dict[str, Any]

_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    delivered_at REAL,
    last_outcome TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at) WHERE delivered_at IS NULL;
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event_id);
CREATE TABLE IF NOT EXISTS idempotency_keys (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    status INTEGER,
    body TEXT,
    request_id TEXT NOT NULL,
    created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS due (
    id TEXT PRIMARY KEY,
    due_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS due_by_time ON due (due_at);
CREATE INDEX IF NOT EXISTS keys_by_age ON idempotency_keys (created);
CREATE TABLE IF NOT EXISTS knobs (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
"""


class Transaction:
    """Reads and writes of one SQLite transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.sql = connection

    def put(self, resource: Resource) -> None:
        """Keep a new object, or the new state of one that exists."""
        self.sql.execute(
            "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (resource["id"], resource["object"], resource["created"], json.dumps(resource)),
        )

    def get(self, identifier: str, *, kind: str) -> Resource | None:
        """The object of this kind and id, or None."""
        row = self.sql.execute(
            "SELECT body FROM objects WHERE id = ? AND kind = ?", (identifier, kind)
        ).fetchone()
        return None if row is None else _resource(row[0])

    def put_off(self, identifier: str, *, due_at: float) -> None:
        """Have something done about an object later; see due.py."""
        self.sql.execute("INSERT OR REPLACE INTO due VALUES (?, ?)", (identifier, due_at))

    def get_any(self, identifier: str) -> Resource | None:
        """The object of this id, whatever its kind, or None."""
        row = self.sql.execute("SELECT body FROM objects WHERE id = ?", (identifier,)).fetchone()
        return None if row is None else _resource(row[0])

    def select(self, kind: str, **equal: str) -> list[Resource]:
        """Every object of a kind whose fields are equal to these, oldest first."""
        conditions = "".join(f" AND json_extract(body, '$.{name}') = ?" for name in equal)
        return self.bodies(f"kind = '{kind}'{conditions} ORDER BY seq", *equal.values())

    def bodies(self, where: str, *values: Any) -> list[Resource]:
        """The objects that a condition on their rows selects; `where` holds no input."""
        rows = self.sql.execute(f"SELECT body FROM objects WHERE {where}", values)  # noqa: S608 - `where` is made of literals
        return [_resource(body) for (body,) in rows]

    def sequence(self, identifier: str) -> int | None:
        """The place of an object in the order of creation, or None."""
        row = self.sql.execute("SELECT seq FROM objects WHERE id = ?", (identifier,)).fetchone()
        return None if row is None else int(row[0])

    def knob(self, name: str, default: Any) -> Any:
        """What a test set this knob to, or the default."""
        row = self.sql.execute("SELECT value FROM knobs WHERE name = ?", (name,)).fetchone()
        return default if row is None else json.loads(row[0])

    def set_knob(self, name: str, value: Any) -> None:
        """Set a knob; a restart keeps it."""
        self.sql.execute(
            "INSERT INTO knobs (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )


def _resource(body: str) -> Resource:
    resource: Resource = json.loads(body)
    return resource


class Store:
    """A SQLite file; every transaction takes the write lock at once, so none reads stale state.

    All threads share one connection and take turns: SQLite has one writer anyway, and a turn is
    handed over at once, where connections that compete for the file sleep between their tries.
    """

    def __init__(self, path: Path, *, schema: str = "") -> None:
        """`schema` makes what one provider's books have beside objects."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._turn = threading.Lock()
        self._connection = sqlite3.connect(
            path, timeout=30, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA + schema)
        # Requests that were running when the last process died have no answer to replay.
        self._connection.execute("DELETE FROM idempotency_keys WHERE status IS NULL")
        self._connection.execute(
            "UPDATE deliveries SET due_at = 0"
            " WHERE delivered_at IS NULL AND last_outcome IS NOT 'dropped'"
        )

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        with self._turn:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._connection)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file, when whoever has the turn is done."""
        with self._turn:
            self._connection.close()
