"""Payments as one transaction holds them: locked in one order, found by fact, moved by facts."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import ARRAY, Row, Select, Text, bindparam, func, select, union
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from payments.lifecycle.stages import (
    CHARGED,
    Stage,
    Status,
    advance,
    status_after_charge,
)
from payments.lifecycle.tables import Dispute, Payment, PaymentEvent, Refund
from payments.lifecycle.view import PaymentView, view_payment
from payments.orders.tables import Order
from payments.providers.facts import ActionRequired, ChargeSucceeded, Fact, PaymentFailed


@dataclass(frozen=True)
class Step:
    """One step of a payment's history, not written yet."""

    seq: int
    from_status: Status
    to_status: Status
    occurred_at: dt.datetime
    cause: str


@dataclass
class LockedPayment:
    """A payment nobody else changes now; `audience` is buyer and seller of its order."""

    view: PaymentView
    provider: str
    provider_ref: str | None
    is_manual: bool
    audience: tuple[str, str]
    stage: Stage
    last_seq: int
    refunds: list[Refund]
    disputes: list[Dispute]
    steps: list[Step] = field(default_factory=list)
    is_changed: bool = False

    @property
    def is_charged(self) -> bool:
        """Whether its money was taken, whatever became of it since."""
        return self.view.status in CHARGED

    def copy(self) -> "LockedPayment":
        """Return the payment as it is now, untouched by what comes next."""
        return replace(
            self,
            refunds=list(self.refunds),
            disputes=list(self.disputes),
            steps=list(self.steps),
        )

    def is_named_by(self, fact: Fact) -> bool:
        """Whether everything the fact says about which payment it is agrees with this one."""
        refs_agree = None in (self.provider_ref, fact.provider_ref) or (
            self.provider_ref == fact.provider_ref
        )
        ids_agree = fact.payment_id in (None, self.view.id)
        return fact.provider == self.provider and refs_agree and ids_agree

    def is_moved_by(self, fact: Fact) -> bool:
        """Whether the fact leads on from where the payment stands."""
        return advance(self.stage, fact) is not self.stage

    def take(self, fact: Fact, *, cause: str, now: dt.datetime) -> bool:
        """Go where the fact leads; False when it changes nothing."""
        stage = advance(self.stage, fact)
        if stage is self.stage:
            return False
        self.stage = stage
        self.view = replace(
            self.view,
            failure=fact.failure if isinstance(fact, PaymentFailed) else None,
            asked_action=fact.next_action if isinstance(fact, ActionRequired) else None,
        )
        if isinstance(fact, ChargeSucceeded):
            self.view = replace(self.view, amount_captured=fact.amount)
        self._stand_at(stage.status, stage.since, cause=cause, now=now)
        return True

    def reckon(self, *, occurred_at: dt.datetime, cause: str, now: dt.datetime) -> None:
        """Work out amounts and status anew from refunds and disputes, after one of them changed."""
        if not self.is_charged:
            self.is_changed = True  # it waits for its charge; the poll is to look for it
            return
        refunded = sum(refund.amount for refund in self.refunds if refund.booked == "refunded")
        self.view = replace(self.view, amount_refunded=refunded)
        status = status_after_charge(
            captured=self.view.amount_captured,
            refunded=refunded,
            disputed=any(dispute.booked in ("open", "lost") for dispute in self.disputes),
        )
        self._stand_at(status, occurred_at, cause=cause, now=now)

    def _stand_at(
        self, status: Status, occurred_at: dt.datetime, *, cause: str, now: dt.datetime
    ) -> None:
        self.is_changed = True
        if status is not self.view.status or not self.is_charged:
            self.last_seq += 1
            step = Step(self.last_seq, self.view.status, status, occurred_at, cause)
            self.steps.append(step)
        self.view = replace(self.view, status=status, updated_at=now)


class LockedPayments:
    """The payments of a batch of facts, found by the provider's id or by ours."""

    def __init__(self, payments: Sequence[LockedPayment]) -> None:
        self.all = payments
        self._by_id = {payment.view.id: payment for payment in payments}
        self._by_ref = {
            (payment.provider, payment.provider_ref): payment
            for payment in payments
            if payment.provider_ref is not None
        }

    def find(self, fact: Fact) -> LockedPayment | None:
        """Return the fact's payment; the provider's id counts before ours."""
        known = self._by_ref.get((fact.provider, fact.provider_ref or ""))
        return known or self._by_id.get(fact.payment_id or "")

    def learn_reference(self, payment: LockedPayment, fact: Fact) -> None:
        """Take over the provider's id where we have none: the webhook may be first to tell it."""
        if payment.provider_ref is None and fact.provider_ref is not None:
            payment.provider_ref = fact.provider_ref
            payment.is_changed = True
            self._by_ref[payment.provider, fact.provider_ref] = payment


def lock_payments(session: Session, facts: Iterable[Fact]) -> LockedPayments:
    """Lock the payments concerned, then their orders, each in the order of their ids."""
    rows = session.execute(_payments_of(list(facts))).all()
    audiences = _lock_orders(session, {row.order_id for row in rows})
    # Read after the locks are held: only then is the last step the last.
    ids = [row.id for row in rows]
    last_steps = _last_steps(session, ids)
    refunds = _by_payment(session, Refund, ids)
    disputes = _by_payment(session, Dispute, ids)
    return LockedPayments(
        [
            _locked(
                row,
                audiences[row.order_id],
                last_steps.get(row.id),
                refunds=refunds.get(row.id, []),
                disputes=disputes.get(row.id, []),
            )
            for row in rows
        ]
    )


def _payments_of(facts: Sequence[Fact]) -> Select[Any]:
    ids = [fact.payment_id for fact in facts if fact.payment_id is not None]
    named = [(fact.provider, fact.provider_ref) for fact in facts if fact.provider_ref is not None]
    refs = func.unnest(_texts(provider for provider, _ in named), _texts(ref for _, ref in named))
    ref = refs.table_valued("provider", "ref").render_derived()
    columns = Payment.__table__.c
    by_ref = select(columns.id).join_from(
        ref, Payment, (columns.provider == ref.c.provider) & (columns.provider_ref == ref.c.ref)
    )
    wanted = union(by_ref, select(func.unnest(_texts(ids)))).subquery()
    locked = Payment.__table__.alias("p")
    return (
        select(locked)
        .where(locked.c.id.in_(select(wanted)))
        .order_by(locked.c.id)
        .with_for_update(key_share=True, of=locked)
    )


def _lock_orders(session: Session, order_ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return buyer and seller of each order."""
    found = (
        select(Order.id, Order.buyer_id, Order.seller_id)
        .where(Order.id == func.any(_texts(order_ids)))
        .order_by(Order.id)
        .with_for_update(key_share=True)
    )
    return {row.id: (row.buyer_id, row.seller_id) for row in session.execute(found)}


LastStep = Row[str, int, dt.datetime]  # payment id, seq, occurred at


def _last_steps(session: Session, payment_ids: Collection[str]) -> dict[str, LastStep]:
    found = (
        select(PaymentEvent.payment_id, PaymentEvent.seq, PaymentEvent.occurred_at)
        .ext(distinct_on(PaymentEvent.payment_id))
        .where(PaymentEvent.payment_id == func.any(_texts(payment_ids)))
        .order_by(PaymentEvent.payment_id, PaymentEvent.seq.desc())
    )
    return {row.payment_id: row for row in session.execute(found)}


_Giveback = TypeVar("_Giveback", Refund, Dispute)


def _by_payment(
    session: Session, table: type[_Giveback], payment_ids: Collection[str]
) -> Mapping[str, list[_Giveback]]:
    found = (
        select(table)
        .where(table.payment_id == func.any(_texts(payment_ids)))
        .order_by(table.id)
        .execution_options(populate_existing=True)
    )
    rows: dict[str, list[_Giveback]] = {}
    for row in session.scalars(found):
        rows.setdefault(row.payment_id, []).append(row)
    return rows


def _locked(
    row: Row[Any],
    audience: tuple[str, str],
    last_step: LastStep | None,
    *,
    refunds: list[Refund],
    disputes: list[Dispute],
) -> LockedPayment:
    view = view_payment(row)
    since = row.created_at if last_step is None else last_step.occurred_at
    status = Status.SUCCEEDED if view.status in CHARGED else view.status
    authorized = row.authorized_at is not None and status is Status.PROCESSING
    return LockedPayment(
        view=view,
        provider=row.provider,
        provider_ref=row.provider_ref,
        is_manual=row.capture == "manual",
        audience=audience,
        stage=Stage(status, since, authorized=authorized),
        last_seq=0 if last_step is None else last_step.seq,
        refunds=refunds,
        disputes=disputes,
    )


def _texts(values: Iterable[str]) -> Any:
    """Return one array parameter, however many values: the statement stays the same."""
    return bindparam(None, list(values), type_=ARRAY(Text), unique=True)
