"""Where the chain's state lies: key and value, in memory or in one SQLite file."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from eth.db.atomic import AtomicDB
from eth.db.backends.base import BaseDB

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS nodes (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


class Nodes(BaseDB):
    """What py-evm keeps, and a few things of our own under keys of text.

    Changes are seen at once, and survive a restart once `commit` was called: whoever writes does
    so in steps that belong together. For one thread at a time.
    """

    def __init__(self, path: Path | None) -> None:
        """Open a file, or with None nothing but memory."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False)
        self._connection.executescript(_SCHEMA)
        self._kept: dict[bytes, bytes] = {}
        self._changed: dict[bytes, bytes | None] = {}

    def atomic(self) -> AtomicDB:
        """Return the same, as py-evm wants it."""
        return AtomicDB(self)

    def commit(self) -> None:
        """Make what was changed since the last time durable, all of it or nothing."""
        gone = [(key,) for key, value in self._changed.items() if value is None]
        new = [(key, value) for key, value in self._changed.items() if value is not None]
        with self._connection:
            self._connection.executemany("DELETE FROM nodes WHERE key = ?", gone)
            self._connection.executemany("INSERT OR REPLACE INTO nodes VALUES (?, ?)", new)
        self._kept.update(new)
        for (key,) in gone:
            self._kept.pop(key, None)
        self._changed.clear()

    def discard(self) -> None:
        """Forget what was changed since the last commit."""
        self._changed.clear()

    def named(self, prefix: str) -> Mapping[str, bytes]:
        """Return our own things whose name starts so, without the prefix."""
        first, beyond = prefix.encode(), prefix.encode() + b"\xff"
        rows = self._connection.execute(
            "SELECT key, value FROM nodes WHERE key >= ? AND key < ?", (first, beyond)
        )
        return {bytes(key).decode().removeprefix(prefix): bytes(value) for key, value in rows}

    def close(self) -> None:
        """Close the file; what was not committed is lost."""
        self._connection.close()

    def __getitem__(self, key: bytes) -> bytes:
        if key in self._changed:
            value = self._changed[key]
        else:
            value = self._kept.get(key) or self._read(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._changed[key] = value

    def __delitem__(self, key: bytes) -> None:
        self._changed[key] = None

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    def _read(self, key: bytes) -> bytes | None:
        row = self._connection.execute("SELECT value FROM nodes WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        self._kept[key] = bytes(row[0])
        return self._kept[key]
