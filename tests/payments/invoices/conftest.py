"""A desk of its own for every test."""

import pytest
from sqlalchemy import Engine

from tests.payments.invoices.desk import Desk


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)
