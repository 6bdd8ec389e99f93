"""Compares what Stripe has since the moment with our books: payments, refunds, transfers, disputes.

Events tell the same; but Stripe keeps them for thirty days, and one that is set aside tells nobody.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import in_transaction
from payments.lifecycle.record_seen import record_seen
from payments.lifecycle.tables import Dispute, Payment, PaymentEvent
from payments.orders.tables import Order
from payments.providers.stripe.giveback_facts import PROVIDER, dispute_fact, refund_fact
from payments.providers.stripe.intent_facts import facts_of_intent
from payments.providers.stripe.named_errors import named_errors
from payments.providers.stripe.transfers import transfer_fact
from payments.restores.adopt_payout import adopt_payout
from payments.restores.adopt_refund import adopt_refund
from payments.restores.look import CAUSE, Look

_PAGE = 100
_MONEY_MOVES = frozenset({"succeeded", "processing", "requires_capture"})

_Shown = Mapping[str, Any]
_Adopt = Callable[[Look, Session, _Shown], None]


def adopt_cards(look: Look) -> None:
    """Take into the books what Stripe has and they lack; note what they cannot take.

    Raises:
        OutcomeUnknownError: Stripe does not answer.
    """
    stripe = look.providers.stripe.v1
    wanted: Any = {"created": {"gte": int(look.since.timestamp())}, "limit": _PAGE}
    lists: tuple[tuple[Callable[[Any], Any], _Adopt], ...] = (
        (stripe.payment_intents.list, _intent),
        (stripe.refunds.list, _refund),
        (stripe.disputes.list, _dispute),
        (stripe.transfers.list, _transfer),
    )
    for ask, adopt in lists:
        with named_errors():
            listed: list[_Shown] = [one.to_dict() for one in ask(wanted).auto_paging_iter()]
        for shown in reversed(listed):  # the oldest first: what follows from another comes later
            look.figures["stripe_compared"] += 1
            in_transaction(look.engine, partial(_with, adopt, look, shown))


def _with(adopt: _Adopt, look: Look, shown: _Shown, session: Session) -> None:
    adopt(look, session, shown)


def _intent(look: Look, session: Session, shown: _Shown) -> None:
    ours = shown.get("metadata") or {}
    payment_id, order_id = ours.get("payment_id"), ours.get("order_id")
    if payment_id is None:
        return  # made by somebody else on the same account
    payment = session.get(Payment, payment_id)
    before = None if payment is None else payment.status
    if payment is None:
        if not _restored(look, session, shown, payment_id=payment_id, order_id=order_id):
            return
    elif payment.provider_ref is None:
        payment.provider_ref = str(shown["id"])
        session.flush()
    seen = dict(shown)
    if isinstance(shown.get("latest_charge"), str):
        with named_errors():
            expanded = {"expand": ["latest_charge"]}
            seen = look.providers.stripe.v1.payment_intents.retrieve(
                str(shown["id"]),
                expanded,  # type: ignore[arg-type] # the SDK's own form of a dict
            ).to_dict()
    record_seen(session, facts_of_intent(seen, seen_at=look.clock()), cause=CAUSE, now=look.clock())
    now_is = session.get_one(Payment, payment_id, populate_existing=True)
    if now_is.status != before:
        look.note(
            session,
            "payment",
            provider=PROVIDER,
            provider_ref=str(shown["id"]),
            status="adopted",
            detail=f"it was {before or 'forgotten'}, and is {now_is.status}",
            order_id=now_is.order_id,
            payment_id=payment_id,
            our_id=payment_id,
            money=(int(shown["amount"]), str(shown["currency"]).upper()),
        )


def _restored(
    look: Look, session: Session, shown: _Shown, *, payment_id: str, order_id: str | None
) -> bool:
    """Write a forgotten payment of an order that is known; else note its money, if any moved."""
    order = session.get(Order, order_id) if order_id is not None else None
    money = int(shown["amount"]), str(shown["currency"]).upper()
    if order is None or (order.amount, order.currency) != money:
        if shown["status"] in _MONEY_MOVES:
            look.note(
                session,
                "payment",
                provider=PROVIDER,
                provider_ref=str(shown["id"]),
                status="open",
                detail="a buyer paid, and its order is forgotten: give it back at Stripe",
                payment_id=payment_id,
                our_id=payment_id,
                money=money,
            )
        return False
    made_at = dt.datetime.fromtimestamp(int(shown["created"]), tz=dt.UTC)
    now = look.clock()
    session.add(
        Payment(
            id=payment_id,
            order_id=order.id,
            rail="card",
            provider=PROVIDER,
            provider_ref=str(shown["id"]),
            capture=str(shown["capture_method"]),
            status="created",
            amount=money[0],
            currency=money[1],
            poll_at=now,
            created_at=made_at,
            updated_at=now,
        )
    )
    session.flush()
    session.add(
        PaymentEvent(
            payment_id=payment_id,
            seq=1,
            to_status="created",
            cause=CAUSE,
            occurred_at=made_at,
            recorded_at=now,
        )
    )
    session.flush()
    return True


def _refund(look: Look, session: Session, shown: _Shown) -> None:
    made_at = dt.datetime.fromtimestamp(int(shown["created"]), tz=dt.UTC)
    adopt_refund(look, session, refund_fact(shown, occurred_at=made_at))


def _dispute(look: Look, session: Session, shown: _Shown) -> None:
    if shown.get("payment_intent") is None:
        return
    fact = dispute_fact(
        shown, occurred_at=dt.datetime.fromtimestamp(int(shown["created"]), tz=dt.UTC)
    )
    known = select(Dispute.id).filter_by(provider=PROVIDER, provider_ref=fact.dispute_ref)
    was_known = session.execute(known).first() is not None
    record_seen(session, [fact], cause=CAUSE, now=look.clock())
    is_known = session.execute(known).first() is not None
    if was_known and is_known:
        return
    look.note(
        session,
        "dispute",
        provider=PROVIDER,
        provider_ref=fact.dispute_ref,
        status="adopted" if is_known else "open",
        detail="it is booked now" if is_known else "its payment is forgotten",
        money=(fact.amount, fact.currency),
    )


def _transfer(look: Look, session: Session, shown: _Shown) -> None:
    fact = transfer_fact(shown)
    if fact.payout_id is None:
        return  # made by somebody else on the same account
    adopt_payout(look, session, fact, order_id=fact.order_id)
