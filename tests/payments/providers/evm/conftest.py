"""A local chain for each module, served over HTTP, and an adapter that reaches it."""

from collections.abc import Iterator

import pytest

from tests.chain import TestChain, running_chain
from tests.payments.providers.evm.desk import Desk


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as chain:
        yield chain


@pytest.fixture
def desk(chain: TestChain) -> Iterator[Desk]:
    chain.faults()
    yield Desk(chain)
    chain.faults()
