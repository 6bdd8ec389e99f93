"""The worker dies while it reads Stripe's balance: both books are equal all the same."""

import datetime as dt

import requests

from payments.settlement.compare_balance import Comparison, compare_balance
from tests.faults.harness.system import System
from tests.payments.conftest import stripe_at


def comparisons(system: System) -> list[Comparison]:
    stripe = stripe_at(system.way_in.stripe_api_url, system.way_in.stripe_secret_key)
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the processes' own clock
    return compare_balance(system.engine, stripe=stripe, now=now)


def books_are_equal(system: System) -> bool:
    found = comparisons(system)
    assert all(comparison.agrees for comparison in found), found
    return all(comparison.stripe == comparison.ledger for comparison in found)


def at_stripe(system: System, path: str, **body: object) -> None:
    """Do something at Stripe behind our back."""
    url = f"{system.way_in.stripe_api_url}/{path}"
    headers = {"Authorization": f"Bearer {system.way_in.stripe_secret_key}"}
    is_knob = path.startswith("_sandbox")
    answer = requests.post(
        url,
        json=body if is_knob else None,
        data=None if is_knob else body,
        headers=headers,
        timeout=30,
    )
    assert answer.ok, answer.text


def test_both_books_are_equal_after_crashes_while_reading(system: System) -> None:
    for point in ("settlement.called", "settlement.recorded"):
        system.crash_at(point)
        payment, disputed = system.payment(), system.payment()
        system.confirm(payment, "pm_card_bypassPending")
        system.confirm(disputed, "pm_card_createDispute")
        intent = payment["client_secret"].partition("_secret_")[0]
        at_stripe(system, "v1/refunds", payment_intent=intent, amount=1_000)
        system.eventually(system.crashed)
        system.time_passes()
    # Refunds of other tests may have used up what Stripe would pay out.
    while min(comparison.stripe.available for comparison in comparisons(system)) <= 0:
        system.confirm(system.payment(), "pm_card_bypassPending")
    at_stripe(system, "_sandbox/payouts", currency="usd")
    system.eventually(lambda: books_are_equal(system), within_s=100)
