"""A database of the test's own with a shop in it, and a simulated Stripe of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.payments.settlement.stripe_account import StripeAccount, open_account
from tests.payments.settlement.stripe_books import Books
from tests.payments.shop import open_shop


@pytest.fixture
def books(fresh_engine: Engine) -> Books:
    return Books(open_shop(fresh_engine))


@pytest.fixture
def account(books: Books, tmp_path: Path) -> Iterator[StripeAccount]:
    with open_account(books, tmp_path) as account:
        yield account
