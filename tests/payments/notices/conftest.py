"""An office on the module's database, and a receiver on this machine."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.payments.notices.office import Office
from tests.payments.notices.receivers import Receiver, receiver


@pytest.fixture
def office(engine: Engine) -> Iterator[Office]:
    office = Office(engine)
    yield office
    office.clear()


@pytest.fixture
def backend() -> Iterator[Receiver]:
    with receiver() as one:
        yield one
