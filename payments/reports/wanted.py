"""What somebody wants of a report, read from text: of a query, a command line or an export.

Every fault names the field and what to do about it.
"""

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ledger.balances import Axis
from ledger.reporting.scope import Scope
from payments.errors import InvalidRequestError
from payments.reports.names import DEFINITIONS, Detail

AXES: Mapping[str, Axis] = {"effective": "occurred", "recorded": "recorded"}
DETAILS: tuple[Detail, ...] = ("control", "account")
FIRST_YEAR, LAST_YEAR = 1970, 2999
ACCOUNT_PATTERN = r"[a-z]+(:[A-Za-z0-9_.-]+)*"
ASSET_PATTERN = r"[A-Z][A-Z0-9]{1,11}"
LONGEST = 500
_ACCOUNT = re.compile(ACCOUNT_PATTERN)
_ASSET = re.compile(ASSET_PATTERN)
_PARTY = re.compile(r"[a-z]{2,8}_[0-9A-Za-z]{1,64}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
CLOCKS_APART = dt.timedelta(seconds=2)
"""How far ahead of ours the clock may be that fixed an `as_of`: the database's."""

_LAST_MOMENT = dt.time(23, 59, 59, 999_999)
FIELDS = ("from", "to", "as_of", "by", "asset", "account", "control", "detail", "seller_id")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A report with its filters; `as_of` is None for "now".

    `account` is a path and everything below it, `control` exactly one control account.
    """

    report: str
    as_of: dt.datetime | None = None
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    axis: Axis = "occurred"
    asset: str | None = None
    account: str | None = None
    control: str | None = None
    detail: Detail = "control"
    seller_id: str | None = None

    def scope(self, as_of: dt.datetime) -> Scope:
        """Return the part of the books it is about, as of a fixed moment."""
        return Scope(
            as_of=as_of,
            first_day=self.first_day,
            last_day=self.last_day,
            axis=self.axis,
            asset=self.asset,
        )

    def parameters(self) -> dict[str, str]:
        """Return the filters as text, from which `read_wanted` reads the same again."""
        given = {
            "from": _day_text(self.first_day),
            "to": _day_text(self.last_day),
            "as_of": None if self.as_of is None else moment_text(self.as_of),
            "by": None if self.axis == "occurred" else "recorded",
            "asset": self.asset,
            "account": self.account,
            "control": self.control,
            "detail": None if self.detail == "control" else self.detail,
            "seller_id": self.seller_id,
        }
        return {name: value for name, value in given.items() if value is not None}

    def but(self, **changes: object) -> "Wanted":
        """Return the same with other filters."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type] # as the fields are


def read_wanted(report: str, given: Mapping[str, str], *, now: dt.datetime) -> Wanted:
    """Return what the text parameters of a report ask for.

    Raises:
        InvalidRequestError: there is no such report (`report`), a parameter is none of its own,
            is missing or cannot be read, or `as_of` lies in the future; `errors` names each.
    """
    definition = DEFINITIONS.get(report)
    if definition is None:
        raise _invalid({"report": f"Choose one of {', '.join(DEFINITIONS)}."})
    faults = {
        name: f"The report {report} has no such filter; leave it out."
        for name in given
        if name not in definition.accepts
    }
    faults |= {
        name: f"The report {report} is of one {name.removesuffix('_id')}: name it."
        for name in definition.needs
        if not given.get(name)
    }
    read = _Reader(given, faults)
    wanted = Wanted(
        report=report,
        as_of=read.as_of(now),
        first_day=read.day("from"),
        last_day=read.day("to"),
        axis=AXES[read.one_of("by", tuple(AXES))],
        asset=read.matching("asset", _ASSET, "an asset's code, such as EUR"),
        account=read.matching("account", _ACCOUNT, "an account's path, such as liabilities:escrow"),
        control=read.matching("control", _ACCOUNT, "a control account's path"),
        detail="account" if read.one_of("detail", DETAILS) == "account" else "control",
        seller_id=read.matching("seller_id", _PARTY, "a party's id, such as pty_01K…"),
    )
    if wanted.first_day and wanted.last_day and wanted.first_day > wanted.last_day:
        faults["to"] = "It lies before `from`; exchange the two."
    if faults:
        raise _invalid(faults)
    return wanted


def moment_text(at: dt.datetime) -> str:
    """Return a moment as RFC 3339 in UTC, to the microsecond, so that it reads the same again."""
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


class _Reader:
    """Reads parameters and notes what is wrong with each."""

    def __init__(self, given: Mapping[str, str], faults: dict[str, str]) -> None:
        self._given = given
        self._faults = faults

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        text = self._given.get(name) or choices[0]
        if text not in choices:
            self._faults.setdefault(name, f"Choose {' or '.join(choices)}.")
            return choices[0]
        return text

    def matching(self, name: str, pattern: re.Pattern[str], what: str) -> str | None:
        text = self._given.get(name)
        if text is None:
            return None
        if len(text) > LONGEST or not pattern.fullmatch(text):
            self._faults.setdefault(name, f"Write {what}.")
            return None
        return text

    def day(self, name: str) -> dt.date | None:
        text = self._given.get(name)
        if text is None:
            return None
        found = _day(text)
        if found is None:
            self._faults.setdefault(
                name, f"Write a day from {FIRST_YEAR} to {LAST_YEAR} as 2026-10-31."
            )
        return found

    def as_of(self, now: dt.datetime) -> dt.datetime | None:
        text = self._given.get("as_of")
        if text is None:
            return None
        found = _moment(text)
        if found is None:
            told = "Write a moment as 2026-10-31T18:00:00Z, or a day (its end, in UTC)."
            self._faults.setdefault("as_of", told)
        elif found - CLOCKS_APART > now:
            told = f"{moment_text(found)} lies in the future; leave `as_of` out to mean now."
            self._faults.setdefault("as_of", told)
        return found


def _moment(text: str) -> dt.datetime | None:
    day = _day(text)
    if day is not None:
        return dt.datetime.combine(day, _LAST_MOMENT, tzinfo=dt.UTC)
    if len(text) <= len("2026-10-31"):
        return None
    try:
        found = dt.datetime.fromisoformat(text)
        if found.tzinfo is None:
            return None
        found = found.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None


def _day(text: str) -> dt.date | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        found = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None


def _day_text(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _invalid(faults: Mapping[str, str]) -> InvalidRequestError:
    errors = {name: [told] for name, told in faults.items()}
    return InvalidRequestError("The report cannot be made like this.", errors=errors)
