"""Sellers who are paid through simulated providers that forget nothing.

Database and Stripe are of one test alone: a restore looks through all that a provider knows.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from payments.providers.connect import Providers
from sandbox.stripe.server import SimulatedStripe
from tests.payments.conftest import simulated_stripe, stripe_at
from tests.payments.payouts.sellers import Sellers
from tests.payments.shop import Shop, open_shop
from tests.payments.simulated_bank import Bank, bank, letterbox, running_bank
from tests.payments.watching.conftest import chain, stage

__all__ = ["bank", "chain", "letterbox", "running_bank", "stage"]  # fixtures


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SimulatedStripe]:
    with simulated_stripe(tmp_path / "stripe.db") as running:
        yield running


@pytest.fixture
def shop(fresh_engine: Engine) -> Shop:
    return open_shop(fresh_engine)


@pytest.fixture
def sellers(shop: Shop, simulated: SimulatedStripe) -> Sellers:
    """A seller of the test's own, without a line that may break."""
    return Sellers(
        open_shop(shop.engine), Providers(stripe_at(simulated.url), banks={}), simulated.url
    )


@pytest.fixture
def by_bank(shop: Shop, simulated: SimulatedStripe, bank: Bank) -> Sellers:
    """The same, paid by bank."""
    bank.knob("moments", {"payout_s": None}, method="PUT")
    bank.knob("outcomes", {"payouts": "executed"}, method="PUT")
    bank.knob("transfers", {"account": "EUR", "amount": 100_000, "text": "Working capital"})
    providers = Providers(stripe_at(simulated.url), banks={"truelayer": bank.provider})
    return Sellers(open_shop(shop.engine), providers, simulated.url)
