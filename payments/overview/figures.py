"""The figures of the overview as metrics: what each is called, and its values.

Amounts are in whole units of their currency here, for graphs: a metric is a float, and the books
are asked when it matters.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from payments.overview.read_overview import Overview

ACCOUNTS_MAX = 100
"""How many control accounts are told; who opens more by hand looks into the reports."""


@dataclass(frozen=True)
class Figure:
    """A metric that the database tells."""

    name: str
    told: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"


class Value(NamedTuple):
    """A value of a figure, with its labels in the order of the figure's."""

    figure: Figure
    labels: tuple[str, ...]
    value: float


HELD = Figure("strongroom_money_held", "Money held for orders.", ("currency",))
OWED = Figure(
    "strongroom_money_owed_to_sellers", "Money released and not paid out yet.", ("currency",)
)
TAKEN = Figure(
    "strongroom_money_taken_today", "Money that came in for orders since 00:00 UTC.", ("currency",)
)
LEFT = Figure(
    "strongroom_money_left_today",
    "Money of orders that was released or refunded since 00:00 UTC.",
    ("currency",),
)
RELEASED = Figure(
    "strongroom_money_released_today", "Money released since 00:00 UTC.", ("rail", "currency")
)
RELEASES = Figure("strongroom_releases_today", "Releases since 00:00 UTC.", ("rail", "currency"))
BALANCE = Figure(
    "strongroom_balance",
    "Balance of each control account, the way it grows.",
    ("account", "currency"),
)
POSTINGS = Figure("strongroom_ledger_postings_total", "Postings in the ledger.", kind="counter")
IN_FLIGHT_MONEY = Figure(
    "strongroom_money_in_flight",
    "Money on its way, by rail, stage and for how long.",
    ("rail", "stage", "currency", "age"),
)
IN_FLIGHT = Figure(
    "strongroom_in_flight",
    "How many payments, releases, refunds and payouts that is.",
    ("rail", "stage", "currency", "age"),
)
IN_FLIGHT_OLDEST = Figure(
    "strongroom_in_flight_oldest_seconds", "How old the oldest of them is.", ("rail", "stage")
)
INBOX = Figure("strongroom_inbox_events", "Webhooks that are not applied yet.", ("provider",))
INBOX_TRIED = Figure(
    "strongroom_inbox_tried_events", "Of these, tried in vain so far.", ("provider",)
)
INBOX_BEHIND = Figure(
    "strongroom_inbox_behind_seconds", "For how long the first webhook is due.", ("provider",)
)
INBOX_OLDEST = Figure(
    "strongroom_inbox_oldest_seconds", "How old the oldest unapplied webhook is.", ("provider",)
)
OUTBOX = Figure(
    "strongroom_outbox_jobs", "Jobs that are due, running, or for later.", ("queue", "state")
)
OUTBOX_BEHIND = Figure(
    "strongroom_outbox_behind_seconds", "For how long the first job of a queue is due.", ("queue",)
)
LIVE = Figure("strongroom_live_events_waiting", "Live events that no relay has published.")
LIVE_BEHIND = Figure(
    "strongroom_live_events_behind_seconds", "For how long the first of them waits."
)
NOTICES = Figure("strongroom_notices_waiting", "Notices due to the platform's endpoints.")
NOTICES_BEHIND = Figure(
    "strongroom_notices_behind_seconds", "For how long the first of them is due."
)
DEAD = Figure("strongroom_dead_letters", "What failed in every attempt.", ("kind",))
FINDINGS = Figure("strongroom_findings", "Open findings of reconciliation.", ("kind", "currency"))
DIFFERENCE = Figure(
    "strongroom_findings_difference",
    "The sum of their differences, without signs.",
    ("kind", "currency"),
)
RECONCILED = Figure(
    "strongroom_reconciled_age_seconds", "How long ago a reconciliation was last carried through."
)
UNKNOWN = Figure(
    "strongroom_unknown_outcomes", "Calls and payouts of which nobody knows what came.", ("kind",)
)
UNKNOWN_OLDEST = Figure(
    "strongroom_unknown_oldest_seconds", "For how long that is so of the oldest.", ("kind",)
)
CHAIN_BLOCK = Figure(
    "strongroom_chain_block", "Up to which block a chain is read, and is final.", ("chain", "place")
)
CHAIN_READ = Figure(
    "strongroom_chain_read_age_seconds", "How long ago a chain was last read.", ("chain",)
)
CHAIN_STUCK = Figure(
    "strongroom_chain_stands_still", "1 where a chain cannot be read on.", ("chain",)
)
FREEZES = Figure("strongroom_freezes", "Freezes of releases that are in force.")
ALERTS = Figure("strongroom_alerts", "Alerts that are not over.", ("priority", "state"))
INCIDENTS = Figure("strongroom_incidents", "Incidents that are not over.", ("severity",))
BOOKS_BROKEN = Figure(
    "strongroom_books_broken", "Truths about the books that did not hold when last proven."
)
BOOKS_AGE = Figure("strongroom_books_proven_age_seconds", "How long ago the books were proven.")
STILL = Figure("strongroom_standing_still", "1 after a restore, while nothing may be sent.")
ARCHIVE_AGE = Figure(
    "strongroom_archive_age_seconds", "How long ago PostgreSQL archived its log, where it does."
)
ARCHIVE_FAILS = Figure(
    "strongroom_archive_fails", "1 where PostgreSQL's last attempt to archive its log failed."
)
AGE = Figure("strongroom_overview_age_seconds", "How old the figures from the database are.")

FIGURES = (
    HELD, OWED, TAKEN, LEFT, RELEASED, RELEASES, BALANCE, POSTINGS, IN_FLIGHT_MONEY, IN_FLIGHT,
    IN_FLIGHT_OLDEST, INBOX, INBOX_TRIED, INBOX_BEHIND, INBOX_OLDEST, OUTBOX, OUTBOX_BEHIND, LIVE,
    LIVE_BEHIND, NOTICES, NOTICES_BEHIND, DEAD, FINDINGS, DIFFERENCE, RECONCILED, UNKNOWN,
    UNKNOWN_OLDEST, CHAIN_BLOCK, CHAIN_READ, CHAIN_STUCK, FREEZES, ALERTS, INCIDENTS, BOOKS_BROKEN,
    BOOKS_AGE, STILL, ARCHIVE_AGE, ARCHIVE_FAILS, AGE,
)  # fmt: skip


def values_of(overview: Overview, *, now: dt.datetime) -> Iterator[Value]:
    """Yield the values of all figures."""
    yield from _money(overview)
    yield from _in_flight(overview)
    yield from _queues(overview)
    yield from _agreement(overview)
    yield from _trouble(overview)
    yield Value(FREEZES, (), overview.freezes)
    yield Value(AGE, (), (now - overview.at).total_seconds())


def _money(overview: Overview) -> Iterator[Value]:
    for row in overview.balances[:ACCOUNTS_MAX]:
        amount = _units(overview, row.amount, row.currency)
        yield Value(BALANCE, (row.account, row.currency), amount)
    for row in overview.held:
        yield Value(HELD, (row.currency,), _units(overview, row.amount, row.currency))
        yield Value(TAKEN, (row.currency,), _units(overview, row.came, row.currency))
        yield Value(LEFT, (row.currency,), _units(overview, row.went, row.currency))
    for row in overview.owed_to_sellers:
        yield Value(OWED, (row.currency,), _units(overview, row.amount, row.currency))
    for released in overview.released_today:
        labels = (released.rail, released.currency)
        yield Value(RELEASED, labels, _units(overview, released.amount, released.currency))
        yield Value(RELEASES, labels, released.count)
    yield Value(POSTINGS, (), overview.postings)


def _in_flight(overview: Overview) -> Iterator[Value]:
    oldest: dict[tuple[str, str], float] = {}
    for row in overview.in_flight:
        labels = (row.rail, row.stage, row.currency, row.age)
        yield Value(IN_FLIGHT_MONEY, labels, _units(overview, row.amount, row.currency))
        yield Value(IN_FLIGHT, labels, row.count)
        age = (overview.at - row.oldest).total_seconds()
        oldest[labels[:2]] = max(age, oldest.get(labels[:2], 0.0))
    for which, age in oldest.items():
        yield Value(IN_FLIGHT_OLDEST, which, age)


def _queues(overview: Overview) -> Iterator[Value]:
    for inbox in overview.inbox:
        whose = (inbox.provider,)
        yield Value(INBOX, whose, inbox.count)
        yield Value(INBOX_TRIED, whose, inbox.tried)
        yield Value(INBOX_BEHIND, whose, inbox.behind_s)
        yield Value(INBOX_OLDEST, whose, inbox.oldest_s)
    for outbox in overview.outbox:
        yield Value(OUTBOX, (outbox.queue, "due"), outbox.due)
        yield Value(OUTBOX, (outbox.queue, "running"), outbox.running)
        yield Value(OUTBOX, (outbox.queue, "later"), outbox.later)
        yield Value(OUTBOX_BEHIND, (outbox.queue,), outbox.behind_s)
    yield Value(LIVE, (), overview.live_events.count)
    yield Value(LIVE_BEHIND, (), overview.live_events.behind_s)
    yield Value(NOTICES, (), overview.notices.count)
    yield Value(NOTICES_BEHIND, (), overview.notices.behind_s)
    for dead in overview.dead_letters:
        yield Value(DEAD, (dead.kind,), dead.count)


def _agreement(overview: Overview) -> Iterator[Value]:
    for found in overview.drift:
        labels = (found.kind, found.currency or "none")
        yield Value(FINDINGS, labels, found.count)
        yield Value(DIFFERENCE, labels, _units(overview, found.difference, found.currency or ""))
    if overview.reconciled_at is not None:
        yield Value(RECONCILED, (), (overview.at - overview.reconciled_at).total_seconds())
    for unknown in overview.unknown:
        yield Value(UNKNOWN, (unknown.kind,), unknown.count)
        since = unknown.oldest or overview.at
        yield Value(UNKNOWN_OLDEST, (unknown.kind,), (overview.at - since).total_seconds())
    for chain in overview.chains:
        yield Value(CHAIN_BLOCK, (chain.chain, "scanned"), chain.scanned_to)
        yield Value(CHAIN_BLOCK, (chain.chain, "final"), chain.final_to)
        read_ago = overview.at - chain.scanned_at
        yield Value(CHAIN_READ, (chain.chain,), read_ago.total_seconds())
        yield Value(CHAIN_STUCK, (chain.chain,), int(chain.stands_still))


def _trouble(overview: Overview) -> Iterator[Value]:
    trouble = overview.trouble
    for labels, count in trouble.alerts.items():
        yield Value(ALERTS, labels, count)
    for severity, count in trouble.incidents.items():
        yield Value(INCIDENTS, (severity,), count)
    yield Value(BOOKS_BROKEN, (), trouble.books_broken)
    if trouble.books_proven_at is not None:
        yield Value(BOOKS_AGE, (), (overview.at - trouble.books_proven_at).total_seconds())
    yield Value(STILL, (), int(trouble.standing_still))
    if trouble.archives:
        yield Value(ARCHIVE_FAILS, (), int(trouble.archive_fails))
    if trouble.archived_at is not None:
        yield Value(ARCHIVE_AGE, (), (overview.at - trouble.archived_at).total_seconds())


def _units(overview: Overview, amount: int, currency: str) -> float:
    whole: int = 10 ** overview.exponents.get(currency, 0)
    return amount / whole
