"""Something that was seen twice, and what to think of it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["harmless", "look", "wrong"]
"""`look`: it may be meant, and a person must say; `wrong`: money went twice, or could have."""


@dataclass(frozen=True)
class Duplicate:
    """One thing seen `count` times; `subjects` are the ids of what it is about."""

    kind: str
    key: str
    count: int
    subjects: Sequence[str]
    first_at: dt.datetime
    last_at: dt.datetime
    verdict: Verdict
    why: str
