"""The counter of this folder's tests, and a bank to pay at."""

import datetime as dt

import pytest

from payments.providers.connect import Providers
from payments.providers.stripe.client import StripeClient
from tests.payments.intake.counter import Counter
from tests.payments.shop import Shop
from tests.payments.simulated_bank import Bank, bank, letterbox, running_bank

__all__ = ["bank", "letterbox", "running_bank"]  # fixtures


@pytest.fixture
def counter(shop: Shop, stripe: StripeClient) -> Counter:
    return Counter(shop, stripe)


@pytest.fixture
def banks(counter: Counter, bank: Bank) -> None:
    """Let the counter take payments by bank; its clock is the simulated bank's, the real one."""
    counter.providers = Providers(counter.stripe, banks={"truelayer": bank.provider})
    counter.now = dt.datetime.now(dt.UTC)  # noqa: TID251 - as said
