"""A local chain, and a shop on it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.chain import TestChain, running_chain
from tests.payments.escrow.desk import Desk, open_desk


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as chain:
        yield chain


@pytest.fixture(scope="module")
def desk(engine: Engine, chain: TestChain) -> Desk:
    return open_desk(engine, chain)
