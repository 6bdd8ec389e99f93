"""The counter of this folder's tests."""

import pytest

from payments.providers.stripe.client import StripeClient
from tests.payments.intake.counter import Counter
from tests.payments.shop import Shop


@pytest.fixture
def counter(shop: Shop, stripe: StripeClient) -> Counter:
    return Counter(shop, stripe)
