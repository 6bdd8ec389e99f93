"""The payments of a batch of facts: locked in one order, found by fact, with all that is theirs."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ARRAY, Row, Select, Text, bindparam, func, select, tuple_, union
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.stages import CHARGED, CLOSED, Stage, Status
from payments.lifecycle.tables import BankReceipt, Dispute, Payment, PaymentEvent, Refund
from payments.lifecycle.view import view_payment
from payments.orders.tables import Order
from payments.providers.facts import Fact, MoneyReceived

_ReceiptName = tuple[str, str]
"""Its source and the source's name for it."""


class LockedPayments:
    """The payments of a batch of facts, found by the provider's id or by ours."""

    def __init__(
        self, payments: Sequence[LockedPayment], *, receipt_owners: Mapping[_ReceiptName, str]
    ) -> None:
        self.all = payments
        self._receipt_owners = dict(receipt_owners)
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

    def is_receipt_of(self, payment: LockedPayment, fact: MoneyReceived) -> bool:
        """Whether the money was not told as another payment's before."""
        owner = self._receipt_owners.setdefault((fact.source, fact.receipt_ref), payment.view.id)
        return owner == payment.view.id

    def learn_reference(self, payment: LockedPayment, fact: Fact) -> None:
        """Take over the provider's id where we have none: the webhook may be first to tell it."""
        if payment.provider_ref is None and fact.provider_ref is not None:
            payment.provider_ref = fact.provider_ref
            payment.is_changed = True
            self._by_ref[payment.provider, fact.provider_ref] = payment


def lock_payments(session: Session, facts: Iterable[Fact]) -> LockedPayments:
    """Lock the payments concerned, then their orders, each in the order of their ids."""
    facts = list(facts)
    rows = session.execute(_payments_of(facts)).all()
    audiences = _lock_orders(session, {row.order_id for row in rows})
    # Read after the locks are held: only then is the last step the last.
    ids = [row.id for row in rows]
    last_steps = _last_steps(session, ids)
    refunds = _by_payment(session, Refund, ids)
    disputes = _by_payment(session, Dispute, ids)
    locked = [
        _locked(
            row,
            audiences[row.order_id],
            last_steps.get(row.id),
            refunds=refunds.get(row.id, []),
            disputes=disputes.get(row.id, []),
        )
        for row in rows
    ]
    by_bank = [payment for payment in locked if payment.view.bank is not None]
    owners = _load_receipts(session, by_bank, facts) if by_bank else {}
    return LockedPayments(locked, receipt_owners=owners)


def _load_receipts(
    session: Session, payments: Sequence[LockedPayment], facts: Sequence[Fact]
) -> Mapping[_ReceiptName, str]:
    """Give payments by bank their receipts, and return whose the receipts are that facts name."""
    columns = BankReceipt.__table__.c
    told = [fact for fact in facts if isinstance(fact, MoneyReceived)]
    refs = func.unnest(_texts(f.source for f in told), _texts(f.receipt_ref for f in told))
    ref = refs.table_valued("source", "ref").render_derived()
    named = select(ref.c.source, ref.c.ref)
    found = (
        select(BankReceipt)
        .where(
            (columns.payment_id == func.any(_texts(payment.view.id for payment in payments)))
            | tuple_(columns.source, columns.receipt_ref).in_(named)
        )
        .order_by(columns.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    rows = session.scalars(found).all()
    closings = _first_closings(session, [payment.view.id for payment in payments])
    for payment in payments:
        payment.receipts = [row for row in rows if row.payment_id == payment.view.id]
        payment.closed_at = closings.get(payment.view.id)
    return {(row.source, row.receipt_ref): row.payment_id for row in rows}


def _first_closings(session: Session, payment_ids: Collection[str]) -> dict[str, dt.datetime]:
    """Return when each payment first ended unpaid, if it did."""
    found = (
        select(PaymentEvent.payment_id, func.min(PaymentEvent.occurred_at))
        .where(
            PaymentEvent.payment_id == func.any(_texts(payment_ids)),
            PaymentEvent.to_status.in_(CLOSED),
        )
        .group_by(PaymentEvent.payment_id)
    )
    return {row[0]: row[1] for row in session.execute(found)}


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
        provider_status_at=row.provider_status_at,
        taken_back_at=row.taken_back_at,
    )


def _texts(values: Iterable[str]) -> Any:
    """Return one array parameter, however many values: the statement stays the same."""
    return bindparam(None, list(values), type_=ARRAY(Text), unique=True)
