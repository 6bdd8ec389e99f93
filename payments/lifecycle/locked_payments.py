"""The payments of a batch of facts: locked in one order, found by fact, with all that is theirs."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ARRAY, Row, Select, Text, bindparam, func, select, union
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.stages import CHARGED, CLOSED, Stage, Status
from payments.lifecycle.tables import BankReceipt, Dispute, Payment, PaymentEvent, Refund
from payments.lifecycle.view import view_payment
from payments.orders.tables import Order
from payments.providers.facts import Fact, MoneyReceived

ReceiptName = tuple[str, str]
"""Its source and the source's name for it."""


class LockedPayments:
    """The payments of a batch of facts, found by the provider's id or by ours."""

    def __init__(
        self, payments: Sequence[LockedPayment], *, receipt_owners: Mapping[ReceiptName, str]
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
    ids = {fact.payment_id for fact in facts if fact.payment_id is not None}
    refs = {(fact.provider, fact.provider_ref) for fact in facts if fact.provider_ref is not None}
    payments = _lock(session, ids, refs)
    told = [fact for fact in facts if isinstance(fact, MoneyReceived)]
    owners = _receipt_owners(session, told) if told else {}
    return LockedPayments(payments, receipt_owners=owners)


def lock_payment(session: Session, payment_id: str) -> LockedPayment:
    """Lock one payment and its order.

    Raises:
        KeyError: there is none.
    """
    payments = _lock(session, {payment_id}, set())
    return {payment.view.id: payment for payment in payments}[payment_id]


def _lock(
    session: Session, ids: Collection[str], refs: Collection[tuple[str, str]]
) -> list[LockedPayment]:
    rows = session.execute(_payments_of(ids, refs)).all()
    audiences = _lock_orders(session, {row.order_id for row in rows})
    # Read after the locks are held: only then is the last step the last.
    locked_ids = [row.id for row in rows]
    last_steps = _last_steps(session, locked_ids)
    refunds = _by_payment(session, Refund, locked_ids)
    disputes = _by_payment(session, Dispute, locked_ids)
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
    if by_bank:
        _give_receipts(session, by_bank)
    return locked


def _give_receipts(session: Session, by_bank: Sequence[LockedPayment]) -> None:
    """Give payments by bank their receipts, and the moment they ended if they did."""
    receipts = _by_payment(session, BankReceipt, [payment.view.id for payment in by_bank])
    closed = [payment.view.id for payment in by_bank if payment.view.status in CLOSED]
    closings = _first_closings(session, closed) if closed else {}
    for payment in by_bank:
        payment.receipts = receipts.get(payment.view.id, [])
        payment.closed_at = closings.get(payment.view.id)


def _receipt_owners(session: Session, told: Sequence[MoneyReceived]) -> Mapping[ReceiptName, str]:
    """Return whose the receipts are that facts name: of those that are known."""
    columns = BankReceipt.__table__.c
    refs = func.unnest(_texts(f.source for f in told), _texts(f.receipt_ref for f in told))
    ref = refs.table_valued("source", "ref").render_derived()
    found = select(columns.source, columns.receipt_ref, columns.payment_id).join_from(
        ref,
        BankReceipt,
        (columns.source == ref.c.source) & (columns.receipt_ref == ref.c.ref),
    )
    return {(row[0], row[1]): row[2] for row in session.execute(found)}


def _first_closings(session: Session, payment_ids: Collection[str]) -> dict[str, dt.datetime]:
    """Return when each payment first ended unpaid."""
    found = (
        select(PaymentEvent.payment_id, func.min(PaymentEvent.occurred_at))
        .where(
            PaymentEvent.payment_id == func.any(_texts(payment_ids)),
            PaymentEvent.to_status.in_(CLOSED),
        )
        .group_by(PaymentEvent.payment_id)
    )
    return {row[0]: row[1] for row in session.execute(found)}


def _payments_of(ids: Collection[str], refs: Collection[tuple[str, str]]) -> Select[Any]:
    named = func.unnest(_texts(provider for provider, _ in refs), _texts(ref for _, ref in refs))
    ref = named.table_valued("provider", "ref").render_derived()
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


_Row = TypeVar("_Row", Refund, Dispute, BankReceipt)


def _by_payment(
    session: Session, table: type[_Row], payment_ids: Collection[str]
) -> Mapping[str, list[_Row]]:
    found = (
        select(table)
        .where(table.payment_id == func.any(_texts(payment_ids)))
        .order_by(table.id)
        .execution_options(populate_existing=True)
    )
    rows: dict[str, list[_Row]] = {}
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
