"""Which part of the books a report is about."""

import datetime as dt
from dataclasses import dataclass

from ledger.balances import Axis


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A period of days in UTC, and what was in the books by then.

    `first_day` and `last_day` are inclusive and may be open; `axis` says which date of an entry
    they are about: when it `occurred` (effective) or when it was `recorded`. Of the journal, what
    was recorded after `as_of` is left out on either axis, so that the same scope gives the same
    report for ever. `asset` narrows it to one asset.
    """

    as_of: dt.datetime
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    axis: Axis = "occurred"
    asset: str | None = None

    @property
    def starts_at(self) -> dt.datetime | None:
        """The first moment of the period; None: from the beginning."""
        return None if self.first_day is None else _midnight(self.first_day)

    @property
    def ends_before(self) -> dt.datetime | None:
        """The first moment after the period; None: no end."""
        if self.last_day is None:
            return None
        return _midnight(self.last_day + dt.timedelta(days=1))


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
