"""Lines of what a payment went through: its steps, money in and back, the chain, the books."""

import datetime as dt
from collections.abc import Iterator

from payments.history.line import Line, spent
from payments.lifecycle.tables import PaymentEvent
from payments.timeline import Timeline

_LATE = dt.timedelta(minutes=1)
"""A step that was told later than this is told with the time at which it happened."""

_CAUSES = {
    "api": "asked for over the API",
    "stripe": "told by Stripe",
    "truelayer": "told by TrueLayer",
    "gocardless": "told by GoCardless",
    "chain": "seen on the chain",
    "poll": "learnt by asking the provider",
    "statement": "found in a bank statement",
    "reconciliation": "found by a reconciliation",
    "refund": "a refund went through",
}


def money_lines(timeline: Timeline) -> Iterator[Line]:
    """Give a line for each thing of a timeline, as the staff see it."""
    yield from (_step(event) for event in timeline.events)
    yield from _money_back(timeline)
    yield from _arrivals(timeline)
    yield from _on_chain(timeline)
    yield from _calls(timeline)
    yield from _books(timeline)


def _step(event: PaymentEvent) -> Line:
    source, _, detail = event.cause.partition(":")
    told = _CAUSES.get(source, source)
    note = f"{told}: {detail}" if detail else told
    if event.recorded_at - event.occurred_at > _LATE:
        note += f"; it happened at {event.occurred_at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"
    begun = "Payment begun" if event.from_status is None else "Payment moved on"
    return Line(at=event.recorded_at, kind="step", what=begun, outcome=event.to_status, note=note)


def _money_back(timeline: Timeline) -> Iterator[Line]:
    for refund in timeline.refunds:
        yield Line(
            at=refund.created_at,
            kind="refund",
            what="Refund to the buyer",
            outcome=refund.status,
            note=refund.reason and refund.reason.replace("_", " "),
            ref=refund.id,
            amount=refund.amount,
            currency=refund.currency,
        )
    for dispute in timeline.disputes:
        yield Line(
            at=dispute.created_at,
            kind="dispute",
            what="The buyer's bank asks for the money back",
            outcome=dispute.status,
            note=dispute.reason.replace("_", " "),
            ref=dispute.id,
            amount=dispute.amount,
            currency=dispute.currency,
        )


def _arrivals(timeline: Timeline) -> Iterator[Line]:
    for receipt in timeline.receipts or ():
        waits = receipt.amount - receipt.amount_applied - receipt.amount_returned
        yield Line(
            at=receipt.created_at,
            kind="receipt",
            what="Money arrived at our bank",
            outcome="applied" if waits == 0 else receipt.reason,
            note=None if waits == 0 else "Part of it waits: too little, too much, twice or late.",
            ref=receipt.id,
            amount=receipt.amount,
            currency=receipt.currency,
        )
    for settled in timeline.settlement or ():
        payout = settled.payout
        where = "in Stripe's balance" if payout is None else f"paid out, {payout.status}"
        yield Line(
            at=settled.occurred_at,
            kind="settlement",
            what=f"Stripe's balance: {settled.type.replace('_', ' ')}",
            outcome="available" if settled.is_available else "pending",
            note=f"{where}; available on {settled.available_on.astimezone(dt.UTC):%Y-%m-%d}",
            ref=settled.id,
            amount=settled.net,
            currency=settled.currency,
        )


def _on_chain(timeline: Timeline) -> Iterator[Line]:
    for effect in timeline.effects:
        yield Line(
            at=effect.at,
            kind="chain",
            what=f"On the contract: {effect.kind.replace('_', ' ')}",
            outcome=effect.state,
            note=f"block {effect.block_number:,}",
            ref=effect.tx_hash,
        )
    for sent in timeline.transactions or ():
        yield Line(
            at=sent.created_at,
            kind="chain",
            what=f"Transaction to {sent.kind.replace('_', ' ')}",
            outcome=sent.state,
            note=sent.error,
            ref=sent.mined_hash or sent.id,
        )


def _calls(timeline: Timeline) -> Iterator[Line]:
    for call in timeline.calls or ():
        tries = f"{call.attempts} attempts" if call.attempts > 1 else None
        yield Line(
            at=call.created_at,
            kind="call",
            what=f"Call to the provider: {call.operation.replace('_', ' ').replace('.', ' ')}",
            outcome=call.state,
            note=call.error or tries,
            ref=call.id,
            lasted=spent(call.created_at, call.finished_at),
        )


def _books(timeline: Timeline) -> Iterator[Line]:
    for entry in timeline.entries or ():
        yield Line(
            at=entry.recorded_at,
            kind="ledger",
            what=f"Booked: {entry.kind.replace('_', ' ').replace('.', ' ')}",
            note=entry.description,
            ref=f"entry {entry.id}",
            postings=entry.lines,
        )
