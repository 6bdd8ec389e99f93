"""One whole system for all fault tests of a worker, and the seed that repeats a run."""

import os
import random
import secrets
from collections.abc import Generator, Iterator

import pytest

from tests.faults.harness.system import System
from tests.faults.invariants import broken

_SEED = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    given = os.environ.get("SEED")  # noqa: TID251 - to repeat a run that failed
    config.stash[_SEED] = int(given) if given else secrets.randbits(32)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections.append(("seed", f"repeat with SEED={item.config.stash[_SEED]}"))
    return report


@pytest.fixture
def seed(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> int:
    """The run's seed, different for every test of it."""
    return random.Random(f"{pytestconfig.stash[_SEED]} {request.node.nodeid}").getrandbits(64)


@pytest.fixture
def randomness(seed: int) -> random.Random:
    """All that is random in a test."""
    return random.Random(seed)


@pytest.fixture(scope="session")
def whole_system(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    randomness = random.Random(pytestconfig.stash[_SEED])
    with System(tmp_path_factory.mktemp("faults"), randomness=randomness) as system:
        yield system


@pytest.fixture
def system(whole_system: System) -> Iterator[System]:
    """The system, which must be quiet and right again after each test."""
    yield whole_system
    whole_system.settle()
    with whole_system.engine.connect() as connection:
        assert not broken(
            connection,
            books=whole_system.books,
            bank_books=whole_system.bank_books,
            acknowledged=whole_system.acknowledged,
        )
