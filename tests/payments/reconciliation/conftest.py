"""A desk of one's own: a run looks at everything there is, so no two tests share their books."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from payments.database import transaction
from payments.invariants import broken_invariants
from tests.payments.reconciliation.desk import Desk, open_desk


@pytest.fixture
def desk(fresh_engine: Engine) -> Iterator[Desk]:
    desk = open_desk(fresh_engine)
    yield desk
    with transaction(fresh_engine) as session:
        assert broken_invariants(session.connection()) == []
