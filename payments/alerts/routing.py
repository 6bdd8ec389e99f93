"""Whom an alert is told to, and when again: by priority, as data."""

import datetime as dt
from dataclasses import dataclass

_MINUTE = dt.timedelta(minutes=1)
_HOUR = dt.timedelta(hours=1)
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Routing:
    """`first` are told at once; unless somebody acknowledges it, `escalated` are told, too.

    `waits` are how long after each telling the next one follows; the last from then on. An
    acknowledgement holds for `acknowledged_for`: then what is still true is told again.
    """

    first: tuple[str, ...]
    escalated: tuple[str, ...]
    waits: tuple[dt.timedelta, ...]
    acknowledged_for: dt.timedelta

    def targets(self, *, tellings: int) -> tuple[str, ...]:
        """Return who is told after so many tellings before."""
        return self.first if tellings == 0 else self.escalated

    def wait_after(self, tellings: int) -> dt.timedelta:
        """Return how long to wait after so many tellings."""
        return self.waits[min(tellings, len(self.waits)) - 1]


ROUTES = {
    "P1": Routing(
        first=("on_call", "finance_lead", "executive"),
        escalated=("on_call", "finance_lead", "executive", "sre", "support"),
        waits=(15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR),
        acknowledged_for=_DAY,
    ),
    "P2": Routing(
        first=("sre", "support"),
        escalated=("sre", "support", "on_call"),
        waits=(4 * _HOUR, _DAY),
        acknowledged_for=7 * _DAY,
    ),
}
