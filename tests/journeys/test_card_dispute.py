"""The payer's bank asks for the money back: the page hears it, the ledger holds it apart."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.calls import confirm_at_stripe
from sandbox.card_calls import DISPUTED, dispute_of, end_dispute, timeline
from tests.conditions import wait_until
from tests.journeys.conftest import System

AMOUNT = 13500


def disputed(system: System, payment: dict[str, Any]) -> str:
    """Pay with a card whose bank disputes it at once; the dispute's id at Stripe."""
    confirm_at_stripe(system.way_in, payment, DISPUTED)
    wait_until(lambda: dispute_of(system.way_in, payment) is not None, timeout_s=30)
    found = dispute_of(system.way_in, payment)
    assert found is not None
    return found


def ended(system: System, payment: dict[str, Any], how: str) -> Callable[[], bool]:
    def asked() -> bool:
        disputes = timeline(system.way_in, system.cast, payment)["disputes"]
        return [dispute["status"] for dispute in disputes] == [how]

    return asked


@pytest.mark.parametrize(("how", "held"), [("won", AMOUNT), ("lost", 0)])
def test_a_dispute_is_opened_and_decided(system: System, how: str, held: int) -> None:
    with system.listening() as listener:
        payment = system.payment()
        dispute_id = disputed(system, payment)
        system.wait_until(listener, payment, "disputed")
        assert system.balance(f"assets:disputes:{payment['id']}") == AMOUNT
        assert system.held_for(payment) == AMOUNT  # but for nobody else: a hold lies on it

        end_dispute(system.way_in, dispute_id, won=how == "won")
        wait_until(ended(system, payment, how), timeout_s=30)
    assert system.balance(f"assets:disputes:{payment['id']}") == 0
    assert system.held_for(payment) == held
    status = system.payment_now(payment).json()["status"]
    assert status == ("succeeded" if how == "won" else "disputed")
