"""A running local chain for this folder's tests."""

from collections.abc import Iterator

import pytest

from tests.chain import TestChain, running_chain


@pytest.fixture
def chain() -> Iterator[TestChain]:
    """A chain of the test's own; it makes no block by itself."""
    with running_chain() as chain:
        yield chain
