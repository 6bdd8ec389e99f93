"""Every problem code of payouts to sellers, provoked over HTTP."""

from typing import Any

from sqlalchemy import Engine
from werkzeug.test import TestResponse

import ledger
from payments.access.caller import Role
from payments.database import transaction
from payments.payouts.make_payout import begin_attempt
from payments.payouts.record_payout import record_payout
from payments.providers.connect import Providers
from payments.providers.facts import PayoutReported, PayoutStatus
from tests.payments.conftest import stripe_at
from tests.payments.payouts.sellers import Sellers
from tests.payments.shop import CIPHER, open_shop
from tests.web.provocations import provokes

NOBODYS_STRIPE = "http://127.0.0.1:9"


def sellers_of(engine: Engine) -> Sellers:
    """A seller of one's own, paid by bank by nobody."""
    return Sellers(open_shop(engine), Providers(stripe_at(NOBODYS_STRIPE), banks={}), "")


def failed_payout(sellers: Sellers) -> str:
    """A payout that the seller's bank did not take."""
    sellers.bank_account()
    payout_id = sellers.release(sellers.paid_by_bank())
    with transaction(sellers.engine) as session:
        begun = begin_attempt(session, payout_id, cipher=CIPHER, now=sellers.now)
        assert begun is not None
        refused = PayoutReported(
            provider="truelayer",
            payout_ref=f"tl_{payout_id}",
            payout_id=payout_id,
            attempt=1,
            amount=begun.request.amount,
            currency="EUR",
            status=PayoutStatus.FAILED,
            occurred_at=sellers.now,
            failure_code="destination_refused",
        )
        record_payout(session, refused, now=sellers.now)
    assert sellers.standing(payout_id) == ("failed", "destination_refused")
    return payout_id


def retry(stage: Any, payout_id: str) -> TestResponse:
    answer: TestResponse = stage.post(f"/api/payouts/{payout_id}/retry", {}, role=Role.FINANCE)
    return answer


@provokes("payout_not_failed")
def it_waits_for_a_destination(stage: Any) -> TestResponse:
    sellers = sellers_of(stage.engine)
    return retry(stage, sellers.release(sellers.paid_by_bank()))


@provokes("provider_cannot_pay_out")
def gocardless_took_the_money(stage: Any) -> TestResponse:
    sellers = sellers_of(stage.engine)
    return retry(stage, sellers.release(sellers.paid_by_bank("gocardless")))


@provokes("payout_not_owed")
def something_else_holds_the_money(stage: Any) -> TestResponse:
    sellers = sellers_of(stage.engine)
    payout_id = failed_payout(sellers)
    name = (f"liabilities:seller:{sellers.shop.seller_id}", "EUR")
    with transaction(stage.engine) as session:
        connection = session.connection()
        account_id = ledger.find_account_ids(connection, [name])[name]
        ledger.place_hold(
            connection,
            effect_key=f"{payout_id}:by_hand",
            account_id=account_id,
            amount=1,
            now=sellers.now,
        )
    return retry(stage, payout_id)
