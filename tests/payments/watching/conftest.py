"""One chain and one stage for each module; a test has escrows of its own."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.chain import TestChain, running_chain
from tests.payments.watching.stage import Stage, open_stage


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as running:
        yield running


@pytest.fixture(scope="module")
def stage(engine: Engine, chain: TestChain) -> Stage:
    return open_stage(engine, chain)
