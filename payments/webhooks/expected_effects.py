"""What a provider's events must have done to the books: which effect, once, of how much.

Worked out from the events alone, so that it can be held against payments and ledger.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from payments.lifecycle.tables import BankReceipt, Dispute, Payment, Refund
from payments.providers.facts import (
    ChargeSucceeded,
    DisputeReported,
    DisputeStatus,
    Fact,
    MoneyReceived,
    PaymentFact,
    PayoutReported,
    RefundReported,
    RefundStatus,
    Told,
)

_Effects = dict[tuple[str, str], "Expected"]


@dataclass(frozen=True, kw_only=True)
class Expected:
    """An effect that an event must have had; `keys`: it is one entry under one of these.

    `amount` is what it moves at the provider, in minor units, what came in being above zero.
    `subject` is what the provider calls it. Without `keys`, we know no such thing. Of several
    receipts one is booked as its payment's charge: which is the one that names `receipt_id`.
    """

    event_id: str
    what: str
    subject: str
    payment_id: str | None
    keys: tuple[str, ...]
    amount: int
    currency: str
    receipt_id: str | None = None


@dataclass(frozen=True)
class _Known:
    payments: Mapping[str, str]
    refunds: Mapping[str, str]
    disputes: Mapping[str, str]
    receipts: Mapping[tuple[str, str], str]


def expected_effects(
    session: Session, told: Iterable[tuple[str, Sequence[Told]]]
) -> Sequence[Expected]:
    """Return what events, named by their ids, must have done; each effect once.

    A refund that came to nothing afterwards, or money told twice under one name, is one effect.
    """
    sourced = [(event_id, fact) for event_id, facts in told for fact in facts]
    known = _known(session, [fact for _, fact in sourced if not isinstance(fact, PayoutReported)])
    effects: _Effects = {}
    for event_id, fact in sourced:
        expected = None if isinstance(fact, PayoutReported) else _of(event_id, fact, known)
        if expected is not None:
            effects.setdefault((expected.what, expected.subject), expected)
    return list(effects.values())


def _of(event_id: str, fact: Fact, known: _Known) -> Expected | None:
    payment_id = _payment_of(fact, known)
    if isinstance(fact, ChargeSucceeded):
        subject = fact.provider_ref or payment_id or event_id
        keys = _keys(payment_id, "charged")
        return _expected(event_id, "charge", subject, payment_id, keys, fact.amount, fact.currency)
    if isinstance(fact, MoneyReceived):
        receipt = known.receipts.get((fact.source, fact.receipt_ref))
        keys = _keys(payment_id, "charged") + _keys(receipt, "received")
        keys = keys if receipt else ()
        subject = fact.receipt_ref
        expected = _expected(
            event_id, "receipt", subject, payment_id, keys, fact.amount, fact.currency
        )
        return replace(expected, receipt_id=receipt)
    if isinstance(fact, RefundReported) and fact.status is RefundStatus.SUCCEEDED:
        ours = known.refunds.get(fact.refund_ref) or known.refunds.get(fact.refund_id or "")
        keys, subject = _keys(ours, "refunded"), fact.refund_ref
        return _expected(event_id, "refund", subject, payment_id, keys, -fact.amount, fact.currency)
    if isinstance(fact, DisputeReported) and fact.status is DisputeStatus.OPEN:
        keys = _keys(known.disputes.get(fact.dispute_ref), "opened")
        subject = fact.dispute_ref
        return _expected(
            event_id, "dispute", subject, payment_id, keys, -fact.amount, fact.currency
        )
    return None


def _expected(
    event_id: str,
    what: str,
    subject: str,
    payment_id: str | None,
    keys: tuple[str, ...],
    amount: int,
    currency: str,
) -> Expected:
    return Expected(
        event_id=event_id,
        what=what,
        subject=subject,
        payment_id=payment_id,
        keys=keys,
        amount=amount,
        currency=currency,
    )


def _keys(subject_id: str | None, effect: str) -> tuple[str, ...]:
    return () if subject_id is None else (f"{subject_id}:{effect}",)


def _payment_of(fact: PaymentFact, known: _Known) -> str | None:
    return known.payments.get(fact.provider_ref or "") or known.payments.get(fact.payment_id or "")


def _known(session: Session, facts: Sequence[Fact]) -> _Known:
    """Return what of the facts is known here: our ids by the provider's, and by ours."""
    refs = {fact.provider_ref for fact in facts} - {None}
    ids = {fact.payment_id for fact in facts} - {None}
    payments: dict[str, str] = {}
    for row in session.execute(
        select(Payment.id, Payment.provider_ref).where(
            or_(Payment.id.in_(ids), Payment.provider_ref.in_(refs))
        )
    ):
        payments[row.id] = row.id
        if row.provider_ref is not None:
            payments[row.provider_ref] = row.id
    of_them = set(payments.values())
    refunds: dict[str, str] = {}
    for refund in session.execute(
        select(Refund.id, Refund.provider_ref).where(Refund.payment_id.in_(of_them))
    ):
        refunds[refund.id] = refund.id
        if refund.provider_ref is not None:
            refunds[refund.provider_ref] = refund.id
    disputes = session.execute(
        select(Dispute.provider_ref, Dispute.id).where(Dispute.payment_id.in_(of_them))
    )
    receipts = session.execute(
        select(BankReceipt.source, BankReceipt.receipt_ref, BankReceipt.id).where(
            BankReceipt.payment_id.in_(of_them)
        )
    )
    return _Known(
        payments,
        refunds,
        {row.provider_ref: row.id for row in disputes},
        {(row.source, row.receipt_ref): row.id for row in receipts},
    )
