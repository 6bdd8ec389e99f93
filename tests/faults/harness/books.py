"""The providers' own books, read from their files: what is true there whatever we were told."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


class ProviderBooks:
    """A simulated provider's objects by kind, such as `payment_intent` or `refund`."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Return every object of a kind, oldest first."""
        with closing(sqlite3.connect(self._file, timeout=30)) as connection:
            rows = connection.execute(
                "SELECT body FROM objects WHERE kind = ? ORDER BY seq", (kind,)
            ).fetchall()
        return [json.loads(body) for (body,) in rows]

    def undelivered(self) -> int:
        """Return how many webhooks it still wants to deliver."""
        with closing(sqlite3.connect(self._file, timeout=30)) as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM deliveries"
                " WHERE delivered_at IS NULL AND last_outcome IS NOT 'dropped'"
            ).fetchone()
        return int(count)
