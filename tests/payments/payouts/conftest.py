"""Sellers who are paid through a simulated Stripe and a simulated bank."""

import pytest

from payments.providers.connect import Providers
from payments.providers.stripe.client import StripeClient
from sandbox.stripe.server import SimulatedStripe
from tests.payments.payouts.sellers import Sellers
from tests.payments.shop import Shop, open_shop
from tests.payments.simulated_bank import Bank, bank, letterbox, running_bank

__all__ = ["bank", "letterbox", "running_bank"]  # fixtures


@pytest.fixture
def sellers(shop: Shop, stripe: StripeClient, simulated: SimulatedStripe) -> Sellers:
    """A seller of the test's own: nobody else's money is owed to them."""
    return Sellers(open_shop(shop.engine), Providers(stripe, banks={}), simulated.url)


@pytest.fixture
def by_bank(shop: Shop, stripe: StripeClient, simulated: SimulatedStripe, bank: Bank) -> Sellers:
    """The same, paid by bank."""
    providers = Providers(stripe, banks={"truelayer": bank.provider})
    return Sellers(open_shop(shop.engine), providers, simulated.url)
