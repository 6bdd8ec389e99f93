"""Payments as one transaction holds them: locked in one order, found by fact, moved by facts."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ARRAY, Row, Select, Text, bindparam, func, select, union
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from payments.lifecycle.stages import Stage, Status, advance
from payments.lifecycle.tables import Payment, PaymentEvent
from payments.lifecycle.view import PaymentView, view_payment
from payments.orders.tables import Order
from payments.providers.facts import Fact, PaymentFailed


@dataclass(frozen=True)
class Step:
    """One step of a payment's history, not written yet."""

    seq: int
    from_status: Status
    stage: Stage
    cause: str


@dataclass
class LockedPayment:
    """A payment nobody else changes now; `audience` is the parties of its order."""

    view: PaymentView
    provider: str
    provider_ref: str | None
    audience: tuple[str, str]
    stage: Stage
    last_seq: int
    steps: list[Step] = field(default_factory=list)

    def is_named_by(self, fact: Fact) -> bool:
        """Whether everything the fact says about which payment it is agrees with this one."""
        refs_agree = None in (self.provider_ref, fact.provider_ref) or (
            self.provider_ref == fact.provider_ref
        )
        ids_agree = fact.payment_id in (None, self.view.id)
        return fact.provider == self.provider and refs_agree and ids_agree

    def take(self, fact: Fact, *, cause: str, now: dt.datetime) -> bool:
        """Go where the fact leads; False when it changes nothing."""
        stage = advance(self.stage, fact)
        if stage is self.stage:
            return False
        self.last_seq += 1
        self.steps.append(Step(self.last_seq, self.stage.status, stage, cause))
        self.stage = stage
        failure = fact.failure if isinstance(fact, PaymentFailed) else None
        self.view = replace(self.view, status=stage.status, failure=failure, updated_at=now)
        return True


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
            self._by_ref[payment.provider, fact.provider_ref] = payment


def lock_payments(session: Session, facts: Iterable[Fact]) -> LockedPayments:
    """Lock the payments concerned, then their orders, each in the order of their ids."""
    rows = session.execute(_payments_of(list(facts))).all()
    audiences = _lock_orders(session, {row.order_id for row in rows})
    # Read after the locks are held: only then is the last step the last.
    last_steps = _last_steps(session, [row.id for row in rows])
    return LockedPayments(
        [_locked(row, audiences[row.order_id], last_steps.get(row.id)) for row in rows]
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


def _locked(row: Row[Any], audience: tuple[str, str], last_step: LastStep | None) -> LockedPayment:
    since = row.created_at if last_step is None else last_step.occurred_at
    return LockedPayment(
        view=view_payment(row),
        provider=row.provider,
        provider_ref=row.provider_ref,
        audience=audience,
        stage=Stage(Status(row.status), since),
        last_seq=0 if last_step is None else last_step.seq,
    )


def _texts(values: Iterable[str]) -> Any:
    """Return one array parameter, however many values: the statement stays the same."""
    return bindparam(None, list(values), type_=ARRAY(Text), unique=True)
