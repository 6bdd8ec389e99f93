"""A local chain and a database of each test's own: what one leaves in the way is in no other's."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.chain import TestChain, running_chain
from tests.payments.chain.world import World, open_world


@pytest.fixture
def chain() -> Iterator[TestChain]:
    with running_chain() as running:
        yield running


@pytest.fixture
def world(fresh_engine: Engine, chain: TestChain) -> World:
    return open_world(fresh_engine, chain)
