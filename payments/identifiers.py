"""Public ids: a prefix that says what the thing is, and a ULID that grows with time.

Growing ids keep B-tree inserts on one hot page; see "effect keys" in docs/ledger.md.
"""

import datetime as dt
import secrets

from ulid import ULID

_RANDOM_BYTES = 10


def new_id(prefix: str, *, now: dt.datetime) -> str:
    """Return a new id such as `pay_01K9…` for something made at `now`."""
    milliseconds = int(now.timestamp() * 1000)
    ulid = ULID(milliseconds.to_bytes(6, "big") + secrets.token_bytes(_RANDOM_BYTES))
    return f"{prefix}_{ulid}"
