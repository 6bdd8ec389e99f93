"""The truths about payouts hold after every story, and each notices what it is there for."""

import pytest
from sqlalchemy import create_engine, text

import ledger
from payments.payouts.invariants import INVARIANTS
from tests.payments.payouts.sellers import Sellers

SABOTAGE = {
    "a release owes its seller one payout of their part, and no payout is without one": (
        "UPDATE strongroom.releases SET platform_fee = platform_fee + 1 WHERE id ="
        " (SELECT release_id FROM strongroom.seller_payouts WHERE id = :paid)"
    ),
    "a payout was sent if and only if its entry is booked, whole": (
        "UPDATE strongroom.seller_payout_attempts SET state = 'failed' WHERE payout_id = :paid"
    ),
    "what came back of a payout is what was booked back": (
        "UPDATE strongroom.seller_payout_attempts SET amount_returned = 1 WHERE payout_id = :paid"
    ),
    "what of a payout is paid is what was sent and did not come back": (
        "UPDATE strongroom.seller_payouts SET amount_paid = 1, status = 'failed', paid_at = NULL,"
        " failure_code = 'returned' WHERE id = :paid"
    ),
    "a payout under way has its money held, and one that is over does not": (
        "UPDATE strongroom.seller_payouts SET status = 'failed', hold_id = NULL,"
        " failure_code = 'returned' WHERE id = :queued"
    ),
    "what is owed to a seller is what was released to them and not paid out": (
        "UPDATE strongroom.releases SET set_off = 1 WHERE id ="
        " (SELECT release_id FROM strongroom.seller_payouts WHERE id = :paid)"
    ),
}


def test_every_truth_is_sabotaged() -> None:
    assert SABOTAGE.keys() == INVARIANTS.keys()


@pytest.mark.parametrize("name", INVARIANTS)
def test_each_notices_what_it_is_there_for(name: str, sellers: Sellers, database_url: str) -> None:
    payment = sellers.paid_by_card()
    sellers.connected_account()
    paid = sellers.release(payment, 2_000)
    sellers.pay()
    queued = sellers.release(payment, 1_000)
    sellers.assert_invariants()
    engine = create_engine(database_url)
    with engine.connect() as connection:  # nothing of it is committed
        for table in ("releases", "seller_payouts", "seller_payout_attempts"):
            connection.execute(text(f"ALTER TABLE strongroom.{table} DISABLE TRIGGER USER"))
        given = {"paid": paid, "queued": queued}
        changed = connection.execute(text(SABOTAGE[name]), given)
        assert changed.rowcount == 1
        broken = [each.name for each in ledger.broken_invariants(connection, INVARIANTS)]
    engine.dispose()
    assert name in broken
