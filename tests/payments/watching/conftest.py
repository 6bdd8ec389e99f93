"""One chain for each module, and a stage with a database of its own for each test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.chain import TestChain, running_chain
from tests.payments.watching.stage import Stage, open_stage


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as running:
        yield running


@pytest.fixture
def stage(fresh_engine: Engine, chain: TestChain) -> Stage:
    return open_stage(fresh_engine, chain)
