"""Stripe's balance transactions are read in every form its documentation shows."""

import json
from pathlib import Path
from typing import Any

import pytest
import stripe

from payments.providers.stripe.balance import _transaction

RESOURCES: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "sandbox/stripe/data/fixtures3.json").read_text()
)["resources"]


def told(**changed: Any) -> stripe.BalanceTransaction:
    found = RESOURCES["balance_transaction"] | changed
    return stripe.BalanceTransaction.construct_from(found, "sk_test")


def test_a_source_that_is_only_an_id_is_kept_as_one() -> None:
    found = _transaction(told())
    assert found.source is not None
    assert (found.source.ref, found.source.kind, found.source.amount) == (
        "ch_1PgafuB7WZ01zgkWXYmPNZs8",
        None,
        None,
    )
    assert (found.amount, found.fee, found.net, found.currency) == (100, 0, 100, "USD")


def test_no_source_at_all_is_fine() -> None:
    assert _transaction(told(source=None)).source is None


@pytest.mark.parametrize(
    ("kind", "amount"),
    [("charge", 0), ("refund", 100), ("dispute", 1_000), ("payout", 1_100)],
)
def test_every_kind_of_source_tells_its_own_amount(kind: str, amount: int) -> None:
    source = _transaction(told(source=RESOURCES[kind])).source
    assert source is not None
    # The documented charge is not captured: nothing of its 100 was moved.
    assert (source.kind, source.amount, source.currency) == (kind, amount, "USD")


def test_the_intent_is_found_whether_told_as_id_or_in_full() -> None:
    for intent in ("pi_1", {"id": "pi_1", "object": "payment_intent"}):
        refund = RESOURCES["refund"] | {"payment_intent": intent}
        source = _transaction(told(source=refund)).source
        assert source is not None
        assert source.intent_ref == "pi_1"


def test_a_payout_is_read_in_full() -> None:
    payout = _transaction(told(type="payout", source=RESOURCES["payout"])).payout
    assert payout is not None
    assert (payout.amount, payout.currency, payout.status) == (1_100, "USD", "in_transit")
    assert (payout.is_itemized, payout.automatic) == (True, True)
    assert payout.trace_ref is None
    assert payout.arrival_date.isoformat() == "2009-02-13"
