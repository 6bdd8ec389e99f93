"""Reads all figures of the overview at one moment, so that they belong together."""

import datetime as dt
import threading
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

import ledger
from payments.database import read_snapshot
from payments.overview.drift import (
    ChainPlace,
    Drift,
    Unknown,
    count_freezes,
    read_chain_places,
    read_drift,
    read_reconciled_at,
    read_unknown,
)
from payments.overview.in_flight import InFlight, read_in_flight
from payments.overview.lags import (
    DeadLetters,
    InboxLag,
    QueueLag,
    Waiting,
    read_dead_letters,
    read_inbox_lag,
    read_live_event_lag,
    read_notice_lag,
    read_outbox_lag,
)
from payments.overview.money import (
    HELD_FOR_ORDERS,
    OWED_TO_SELLERS,
    Balance,
    Released,
    count_postings,
    read_balances,
    read_released_today,
)
from payments.overview.trouble import Trouble, read_trouble

KEPT = dt.timedelta(seconds=5)
_PATIENCE = text("SET LOCAL statement_timeout = '10s'")  # figures are worth no more than that


@dataclass(frozen=True, kw_only=True)
class Overview:
    """How things stood at a moment."""

    at: dt.datetime
    exponents: dict[str, int]  # how many decimals each currency has
    balances: list[Balance]
    released_today: list[Released]
    in_flight: list[InFlight]
    inbox: list[InboxLag]
    outbox: list[QueueLag]
    live_events: Waiting
    notices: Waiting
    dead_letters: list[DeadLetters]
    drift: list[Drift]
    unknown: list[Unknown]
    chains: list[ChainPlace]
    reconciled_at: dt.datetime | None
    freezes: int
    postings: int
    trouble: Trouble

    @property
    def held(self) -> list[Balance]:
        """What is held for orders: one row a currency."""
        return [row for row in self.balances if row.account == HELD_FOR_ORDERS]

    @property
    def owed_to_sellers(self) -> list[Balance]:
        """What was released and not paid out yet: one row a currency."""
        return [row for row in self.balances if row.account == OWED_TO_SELLERS]


def read_overview(engine: Engine, *, now: dt.datetime) -> Overview:
    """Read how things stand now."""
    with read_snapshot(engine) as connection:
        connection.execute(_PATIENCE)
        return _overview(connection, now)


def _overview(connection: Connection, now: dt.datetime) -> Overview:
    return Overview(
        at=now,
        exponents={code: asset.exponent for code, asset in ledger.assets(connection).items()},
        balances=read_balances(connection, now=now),
        released_today=read_released_today(connection, now=now),
        in_flight=read_in_flight(connection, now=now),
        inbox=read_inbox_lag(connection, now=now),
        outbox=read_outbox_lag(connection, now=now),
        live_events=read_live_event_lag(connection, now=now),
        notices=read_notice_lag(connection, now=now),
        dead_letters=read_dead_letters(connection),
        drift=read_drift(connection),
        unknown=read_unknown(connection),
        chains=read_chain_places(connection),
        reconciled_at=read_reconciled_at(connection),
        freezes=count_freezes(connection),
        postings=count_postings(connection, now=now),
        trouble=read_trouble(connection),
    )


class RecentOverview:
    """The overview of a process, read again after five seconds; everybody waits for one reading."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = threading.Lock()
        self._latest: Overview | None = None

    def read(self, *, now: dt.datetime) -> Overview:
        """Return how things stand now, or stood up to five seconds ago."""
        with self._reading:
            latest = self._latest
            if latest is None or not dt.timedelta() <= now - latest.at < KEPT:
                latest = self._latest = read_overview(self._engine, now=now)
            return latest
