"""A database of the test's own with a shop in it, and balance transactions as Stripe tells them."""

import pytest
from sqlalchemy import Engine

from tests.payments.settlement.stripe_books import Books
from tests.payments.shop import open_shop


@pytest.fixture
def books(fresh_engine: Engine) -> Books:
    return Books(open_shop(fresh_engine))
