"""The simulated Stripe's books in one SQLite file, so that a restart forgets nothing."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.stripe.refusals import Resource

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


def _resource(body: str) -> Resource:
    resource: Resource = json.loads(body)
    return resource


class Store:
    """A SQLite file; every transaction takes the write lock at once, so none reads stale state."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        # Kept open, because SQLite checkpoints its log whenever the last connection closes.
        self._anchor = self._connect()
        self._anchor.executescript(_SCHEMA)
        # Requests that were running when the last process died have no answer to replay.
        self._anchor.execute("DELETE FROM idempotency_keys WHERE status IS NULL")
        self._anchor.execute("UPDATE deliveries SET due_at = 0 WHERE delivered_at IS NULL")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=30, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        connection = self._connect()
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield Transaction(connection)
            connection.execute("COMMIT")
        finally:
            connection.close()

    def close(self) -> None:
        """Close the file."""
        self._anchor.close()
