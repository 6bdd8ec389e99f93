"""A till of the test's own: nobody else's debts or freezes are in it."""

import pytest
from sqlalchemy import Engine

from tests.payments.releases.till import Till


@pytest.fixture
def till(engine: Engine) -> Till:
    return Till(engine)
