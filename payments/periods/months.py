"""A month of the books, in UTC."""

import datetime as dt
import re
from typing import NamedTuple

import ledger
from payments.errors import InvalidRequestError

_MONTH = re.compile(r"(19[7-9]\d|2\d{3})-(0[1-9]|1[0-2])", re.ASCII)


class Month(NamedTuple):
    """A calendar month in UTC."""

    year: int
    month: int

    def __str__(self) -> str:
        """Return it as `2026-10`."""
        return f"{self.year:04}-{self.month:02}"

    @property
    def first_day(self) -> dt.date:
        """Its first day."""
        return dt.date(self.year, self.month, 1)

    @property
    def last_day(self) -> dt.date:
        """Its last day."""
        return self.end.date()

    @property
    def starts_at(self) -> dt.datetime:
        """Its first moment."""
        return dt.datetime(self.year, self.month, 1, tzinfo=dt.UTC)

    @property
    def end(self) -> dt.datetime:
        """Its last moment, through which the books are closed."""
        return ledger.end_of_month(str(self))

    @property
    def following(self) -> "Month":
        """The month after it."""
        return month_of(self.end + dt.timedelta(microseconds=1))


def month_of(moment: dt.datetime) -> Month:
    """Return the month of a moment."""
    in_utc = moment.astimezone(dt.UTC)
    return Month(in_utc.year, in_utc.month)


def read_month(text: str) -> Month:
    """Read `2026-10`.

    Raises:
        InvalidRequestError: it is no month.
    """
    found = _MONTH.fullmatch(text)
    if found is None:
        fault = f"{text!r} is no month; write it as 2026-10."
        raise InvalidRequestError(fault, errors={"month": [fault]})
    return Month(int(found[1]), int(found[2]))
