"""What a condition is: a measure with a limit, how long it must hold, and what to do about it."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.settings import Settings

Priority = Literal["P1", "P2"]

KEYS_KEPT = 50
"""So many of the things concerned are named; `count` says how many there are."""

SETTLES_IN = dt.timedelta(minutes=2)


@dataclass(frozen=True)
class Measured:
    """What was measured: how many things, which (up to `KEYS_KEPT`), and figures about them.

    Neither keys nor figures hold anything personal: they leave the house.
    """

    count: int
    keys: tuple[str, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    def as_figures(self) -> dict[str, Any]:
        """Return all of it as it is kept with the alert."""
        return {"count": self.count, "keys": list(self.keys), **self.figures}


Measure = Callable[[Session, Settings, dt.datetime], Measured]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When people are told, and of what.

    `measured` says what is counted, in words; it is true while the count is `least` or more.
    `holds_for` is how long it has to be true before anybody is told; `settles_in` how long not,
    before it counts as over. What `lapses` is counted for some time only, mended or not: that its
    time is over ends no alert that nobody has acknowledged.
    """

    name: str
    priority: Priority
    title: str
    measured: str
    runbook: str
    measure: Measure
    least: int = 1
    holds_for: dt.timedelta = dt.timedelta(0)
    settles_in: dt.timedelta = SETTLES_IN
    lapses: bool = False

    def is_true(self, found: Measured) -> bool:
        """Whether what was measured is worth telling."""
        return found.count >= self.least


def by_query(query: str, **limits: Any) -> Measure:
    """Return a measure that asks one row: `count`, `keys` where there are any, more as figures.

    `limits` and `:now` are the parameters of the query.
    """
    statement, takes_now = text(query), ":now" in query

    def measure(session: Session, _settings: Settings, now: dt.datetime) -> Measured:
        asked = limits | ({"now": now} if takes_now else {})
        found = dict(session.execute(statement, asked).mappings().one())
        return Measured(
            count=int(found.pop("count")),
            keys=tuple((found.pop("keys", None) or [])[:KEYS_KEPT]),
            figures={name: _plain(value) for name, value in found.items() if value is not None},
        )

    return measure


def _plain(value: Any) -> Any:
    """Return a value as JSON can have it."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return value if isinstance(value, str | int | bool | dict | list) else str(value)
