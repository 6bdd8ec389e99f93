"""What the overview shows of the figures: a verdict, then money and machinery with their tones."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from payments.alerts.read_alerts import AlertView
from payments.incidents.tables import Incident
from payments.overview.read_overview import Overview

BEHIND_S = 60
"""From when on a queue is told to be behind; the alerts have limits of their own."""

_READ_S = 120
"""A chain that was not read for so long is told."""

_STAGES = {
    "awaiting_payer": "Awaited from buyers",
    "authorized": "Reserved on cards",
    "confirming": "Arriving",
    "awaiting_approval": "Awaiting approval",
    "releasing": "Being released",
    "refunding": "Going back",
    "awaiting_destination": "Seller named no account",
    "paying_out": "On its way to sellers",
    "settling": "From Stripe to our bank",
}


class Moving(NamedTuple):
    """Money of one currency on its way: how much, how many, since when the oldest."""

    stage: str
    rail: str
    currency: str
    amount: int
    number: int
    oldest: dt.datetime


class Concern(NamedTuple):
    """Something that somebody should look at, and where."""

    text: str
    tone: str
    href: str | None


class Machine(NamedTuple):
    """A part of the machinery: how it does, in a word and a sentence."""

    name: str
    state: str
    tone: str
    note: str
    href: str | None


@dataclass(frozen=True)
class Glance:
    """How everything stands; `pending` counts by kind what waits longer than usual."""

    overview: Overview
    incidents: Sequence[Incident]
    alerts: Sequence[AlertView]
    pending: Mapping[str, int]

    @property
    def concerns(self) -> list[Concern]:
        """What is wrong, the worst first."""
        return sorted(self._concerns(), key=lambda concern: concern.tone != "bad")

    @property
    def moving(self) -> list[Moving]:
        """What is on its way, by stage, rail and currency, whatever its age."""
        sums: dict[tuple[str, str, str], list[tuple[int, int, dt.datetime]]] = defaultdict(list)
        for row in self.overview.in_flight:
            sums[row.stage, row.rail, row.currency].append((row.amount, row.count, row.oldest))
        order = list(_STAGES)
        return [
            Moving(
                _STAGES.get(stage, stage),
                rail,
                currency,
                sum(amount for amount, _, _ in rows),
                sum(count for _, count, _ in rows),
                min(oldest for _, _, oldest in rows),
            )
            for (stage, rail, currency), rows in sorted(
                sums.items(), key=lambda item: (order.index(item[0][0]), item[0])
            )
        ]

    @property
    def machines(self) -> list[Machine]:
        """Queues, inbox, notices, live events and chains."""
        return list(self._machines())

    def _concerns(self) -> Iterator[Concern]:
        view = self.overview
        if view.freezes:
            yield Concern(
                f"Releases are frozen ({view.freezes} in force).", "bad", "/console/releases"
            )
        dead = sum(row.count for row in view.dead_letters)
        if dead:
            yield Concern(
                f"{dead:,} dead letters: nobody tries them again.",
                "bad",
                "/console/dead-letters",
            )
        unknown = sum(row.count for row in view.unknown)
        if unknown:
            yield Concern(
                f"{unknown:,} calls to providers of which nobody knows the outcome.",
                "bad",
                "/console/pending",
            )
        waiting = sum(self.pending.values())
        if waiting:
            kinds = ", ".join(f"{count} {kind}" for kind, count in self.pending.items() if count)
            yield Concern(
                f"{waiting:,} things wait longer than usual: {kinds}.", "wait", "/console/pending"
            )
        findings = sum(row.count for row in view.drift)
        if findings:
            yield Concern(
                f"{findings:,} open findings of the reconciliation.",
                "wait",
                "/console/reconciliation",
            )
        for machine in self._machines():
            if machine.tone != "good":
                yield Concern(f"{machine.name}: {machine.note}", machine.tone, machine.href)

    def _machines(self) -> Iterator[Machine]:
        view = self.overview
        for inbox in view.inbox:
            note = f"{inbox.count:,} not applied, {inbox.tried:,} of them tried in vain"
            name = f"Webhooks of {inbox.provider}"
            yield _machine(name, inbox.behind_s, note, "/console/webhooks")
        if not view.inbox:
            yield Machine("Webhooks", "up to date", "good", "all applied", "/console/webhooks")
        for queue in view.outbox:
            counts = {"due": queue.due, "running": queue.running, "for later": queue.later}
            note = ", ".join(f"{n:,} {what}" for what, n in counts.items() if n) or "nothing to do"
            yield _machine(f"Jobs, {queue.queue}", queue.behind_s, note, None)
        note = f"{view.live_events.count:,} not told yet" if view.live_events.count else "all told"
        yield _machine("Live updates", view.live_events.behind_s, note, None)
        note = f"{view.notices.count:,} due" if view.notices.count else "none due"
        yield _machine("Notices", view.notices.behind_s, note, None)
        for chain in view.chains:
            silent = (view.at - chain.scanned_at).total_seconds()
            bad = chain.stands_still or silent > _READ_S
            yield Machine(
                f"Chain {chain.chain}",
                "stands still" if chain.stands_still else "not read" if bad else "followed",
                "bad" if bad else "good",
                f"block {chain.scanned_to:,}, final {chain.final_to:,}",
                None,
            )


def _machine(name: str, behind_s: float, note: str, href: str | None) -> Machine:
    if behind_s <= BEHIND_S:
        return Machine(name, "up to date", "good", note, href)
    minutes = int(behind_s // 60)
    tone = "bad" if behind_s > 10 * BEHIND_S else "wait"
    return Machine(name, f"{minutes} min behind", tone, note, href)
