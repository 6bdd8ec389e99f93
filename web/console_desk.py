"""What the finance desk's pages show, read from one fixed moment of the books."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from ledger.reporting import FixedMoment, fix_as_of
from payments.charts.read_chart import with_period
from payments.database import in_transaction
from payments.exports.read_exports import list_exports
from payments.exports.tables import Export
from payments.periods.read_periods import PeriodView, list_periods
from payments.reports.names import DEFINITIONS
from payments.reports.open_report import open_fixed
from payments.reports.report import Report
from payments.reports.shown_table import ShownTable, shown_table
from payments.reports.wanted import Wanted, moment_text, read_wanted
from web.parts import Parts

_REPORTS = "/api/ledger/reports/"
_ACCOUNTS = "/api/ledger/accounts/"
_CONSOLE = "/console/finance/reports/"
_USUAL_ASSET = "EUR"
_ACCOUNTS_MOST = 400
_MONTHS_MOST = 12
_EXPORTS_MOST = 8


@dataclass(frozen=True)
class ShownReport:
    """A report on a page, with the query that gives exactly it again."""

    report: Report
    table: ShownTable
    query: str

    def file(self, format_name: str) -> str:
        """Return the address of its file in a format."""
        return f"{_REPORTS}{self.report.name}?{self.query}&format={format_name}"


@dataclass(frozen=True)
class Desk:
    """The finance desk as of one moment: one asset, one period."""

    wanted: Wanted
    moment: FixedMoment
    assets: tuple[str, ...]
    first_day: dt.date
    last_day: dt.date
    trial_balance: ShownReport
    months: Sequence[PeriodView]
    exports: Sequence[Export]

    @classmethod
    def open(cls, parts: Parts, given: Mapping[str, str]) -> "Desk":
        """Read the desk; without filters the last 90 days of the asset that is used most.

        Raises:
            InvalidRequestError: a filter cannot be read; `errors` names it.
            UnavailableError: the books are in motion; safe to try again.
        """
        now = parts.now()
        kept = {
            name: given[name] for name in ("from", "to", "as_of", "by", "asset") if name in given
        }
        wanted = read_wanted("trial-balance", kept, now=now)
        moment = fix_as_of(parts.engine, wanted.as_of, now=now)
        assets = _assets(parts, moment)
        if wanted.asset is None:
            wanted = wanted.but(asset=_first(assets))
        scope = with_period(wanted.scope(moment.as_of))
        assert scope.first_day is not None and scope.last_day is not None  # noqa: S101, PT018 - so
        wanted = wanted.but(first_day=scope.first_day, last_day=scope.last_day, as_of=moment.as_of)
        shown = _read(parts, wanted, moment, most=_ACCOUNTS_MOST)
        months = in_transaction(parts.engine, lambda session: list_periods(session, now=now))
        exports = in_transaction(
            parts.engine, lambda session: list_exports(session, limit=_EXPORTS_MOST)
        )
        return cls(
            wanted=wanted,
            moment=moment,
            assets=assets,
            first_day=scope.first_day,
            last_day=scope.last_day,
            trial_balance=shown,
            months=months[:_MONTHS_MOST],
            exports=exports.data,
        )

    @staticmethod
    def report(parts: Parts, name: str, given: Mapping[str, str], *, most: int) -> ShownReport:
        """Read the beginning of a report.

        Raises:
            InvalidRequestError: a filter cannot be read, or is none of this report.
            UnavailableError: the books are in motion; safe to try again.
        """
        wanted = read_wanted(name, given, now=parts.now())
        moment = fix_as_of(parts.engine, wanted.as_of, now=parts.now())
        return _read(parts, wanted.but(as_of=moment.as_of), moment, most=most)

    def query(self, **changes: str) -> str:
        """Return the desk's filters as a query, with changes."""
        return urlencode(self.wanted.parameters() | changes, safe=":")

    def chart(self, name: str, *, width: str) -> str:
        """Return the address of a chart."""
        return f"/api/ledger/charts/{name}.svg?{self.query(width=width)}"

    def reports(self) -> dict[str, str]:
        """Return the pages of the other reports on the same part of the books, by their titles."""
        filters = self.wanted.parameters()
        return {
            each.title: f"{_CONSOLE}{name}?"
            + urlencode({k: v for k, v in filters.items() if k in each.accepts}, safe=":")
            for name, each in DEFINITIONS.items()
            if not each.needs
        }

    @property
    def as_of(self) -> str:
        """The moment, as RFC 3339."""
        return moment_text(self.moment.as_of)


def console_path(path: str | None) -> str | None:
    """Return the page that shows what an address of the API gives; others stay as they are."""
    if path is None:
        return None
    parts = urlsplit(path)
    if parts.path.startswith(_REPORTS):
        return f"{_CONSOLE}{parts.path.removeprefix(_REPORTS)}?{parts.query}"
    if parts.path.startswith(_ACCOUNTS) and parts.path.endswith("/statement"):
        account = unquote(parts.path.removeprefix(_ACCOUNTS).removesuffix("/statement"))
        query = urlencode([*parse_qsl(parts.query), ("account", account)], safe=":")
        return f"{_CONSOLE}account-statement?{query}"
    return path


def _read(parts: Parts, wanted: Wanted, moment: FixedMoment, *, most: int) -> ShownReport:
    with open_fixed(parts.engine, wanted, moment) as opened:
        table = shown_table(opened.report, most=most)
    return ShownReport(opened.report, table, urlencode(wanted.parameters(), safe=":"))


def _assets(parts: Parts, moment: FixedMoment) -> tuple[str, ...]:
    """Return the codes of the assets that were ever booked."""
    everything = Wanted(report="trial-balance", as_of=moment.as_of)
    with open_fixed(parts.engine, everything, moment) as opened:
        return tuple(sorted({str(row[2]) for row in opened.report.rows}))


def _first(assets: tuple[str, ...]) -> str:
    return _USUAL_ASSET if _USUAL_ASSET in assets or not assets else assets[0]
