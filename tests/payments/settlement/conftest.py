"""A database of the test's own with a shop in it, and a simulated Stripe of its own."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sandbox.stripe.account import Account
from sandbox.stripe.server import SimulatedStripe
from tests.payments.conftest import SECRET_KEY
from tests.payments.settlement.stripe_account import StripeAccount
from tests.payments.settlement.stripe_books import Books
from tests.payments.shop import open_shop


@pytest.fixture
def books(fresh_engine: Engine) -> Books:
    return Books(open_shop(fresh_engine))


@pytest.fixture
def account(books: Books, tmp_path: Path) -> Iterator[StripeAccount]:
    keys = Account(
        secret_key=SECRET_KEY,
        publishable_key="pk_test_sandbox_settlement",
        webhook_url="http://127.0.0.1:9/nobody-listens",
        webhook_secret="whsec_sandbox_settlement",
        now=time.time,  # noqa: TID251 - the simulated Stripe has a clock of its own
    )
    with SimulatedStripe(keys, data=tmp_path / "stripe.db", retry_first_s=60) as simulated:
        made = StripeAccount(simulated, books)
        made.turn("moments", "PUT", moment_s=0.01)
        yield made
