"""A freeze that was answered holds for payouts, too: also for one that is just being made."""

import pytest
from sqlalchemy import text

from payments.providers.facts import PayoutReported
from payments.providers.ports import PayoutRequest
from payments.providers.stripe.transfers import StripeTransfers
from tests.payments.payouts.sellers import Sellers
from tests.payments.payouts.test_transfers import transfers_to


def test_nothing_leaves_once_a_freeze_was_answered(
    sellers: Sellers, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = sellers.connected_account()
    payment = sellers.paid_by_card()
    payout_id = sellers.release(payment)
    frozen: list[str] = []

    def freeze_now(point: str) -> None:
        if point == "payout.intent_committed":
            frozen.append(sellers.freeze(payment.order_id))

    monkeypatch.setattr("payments.payouts.pay_sellers.reach", freeze_now)
    assert sellers.pay()["frozen"] == 1
    monkeypatch.undo()
    assert transfers_to(sellers, account) == []
    sellers.lift(frozen[0])
    sellers.wait(minutes=2)
    assert sellers.pay()["sent"] == 1
    assert sellers.standing(payout_id) == ("paid", None)
    assert len(transfers_to(sellers, account)) == 1


def test_while_one_leaves_no_freeze_is_answered(
    sellers: Sellers, monkeypatch: pytest.MonkeyPatch
) -> None:
    sellers.connected_account()
    sellers.release(sellers.paid_by_card())
    make, free = StripeTransfers.create_payout, []

    def note_lock(port: StripeTransfers, request: PayoutRequest) -> PayoutReported:
        with sellers.engine.connect() as connection:
            alone = text("SELECT pg_try_advisory_xact_lock(4937120008)")
            free.append(connection.execute(alone).scalar_one())
        return make(port, request)

    monkeypatch.setattr(StripeTransfers, "create_payout", note_lock)
    assert sellers.pay()["sent"] == 1
    assert free == [False]
