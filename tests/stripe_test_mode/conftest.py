"""Stripe for the journeys: simulated, or the real one's test mode when `make test-stripe` asks."""

import os
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from payments.providers.stripe.client import StripeClient
from payments.settings import STRIPE_API_URL
from tests.payments.conftest import SECRET_KEY, simulated, stripe_at
from tests.payments.shop import Shop, open_shop

__all__ = ["simulated"]  # a fixture of the domain's tests

ASKED = "STRIPE_TEST_MODE"
KEY = "STRIPE_SECRET_KEY"


@dataclass(frozen=True)
class KeyOfTestMode:
    """A secret key of Stripe's test mode; a live one is refused."""

    text: str

    def __post_init__(self) -> None:
        if not self.text.startswith("sk_test_"):
            raise ValueError(f"{KEY} is no test key (sk_test_…): these tests pay with it.")


@pytest.fixture(scope="session")
def key_of_test_mode() -> KeyOfTestMode | None:
    """The key of the real Stripe's test mode; None: use the simulated one."""
    if ASKED not in os.environ:  # noqa: TID251 - how make tells it
        return None
    text = os.environ.get(KEY, "")  # noqa: TID251 - likewise
    if not text:
        pytest.skip(f"Set {KEY} to a secret key of Stripe's test mode (sk_test_…) to run this.")
    return KeyOfTestMode(text)


@pytest.fixture(scope="module")
def stripe(key_of_test_mode: KeyOfTestMode | None, request: pytest.FixtureRequest) -> StripeClient:
    """The SDK's client, of the Stripe that was asked for."""
    if key_of_test_mode is not None:
        return stripe_at(STRIPE_API_URL, key_of_test_mode.text)
    return stripe_at(request.getfixturevalue("simulated").url, SECRET_KEY)


@pytest.fixture(scope="module")
def shop(engine: Engine) -> Shop:
    return open_shop(engine)
