"""The demo finds a sound system sound, and says so when something is not."""

import pytest

from sandbox.demo import play
from sandbox.seed import Parties, seed_parties
from sandbox.telling import Telling
from tests.journeys.conftest import System


def test_the_demo_finds_nothing_wrong(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    tell = Telling()
    play(system.way_in, tell)
    assert tell.end() == 0
    printed = capsys.readouterr().out
    assert "Trial balance" in printed
    assert "Everything was as it should be" in printed


def test_the_demo_fails_when_a_check_does(capsys: pytest.CaptureFixture[str]) -> None:
    tell = Telling()
    tell.check("the books balance", holds=False)
    assert tell.end() == 1
    assert "One check failed" in capsys.readouterr().out


def test_seeding_again_finds_the_same_people(system: System) -> None:
    way_in = system.way_in
    first, second = (seed_parties(way_in.base_url, way_in.api_keys["service"]) for _ in range(2))
    assert first == second
    assert first == Parties(system.cast.buyer_id, first.other_buyer_id, system.cast.seller_id)
