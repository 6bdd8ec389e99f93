"""The demo finds a sound system sound, and says so when something is not."""

from pathlib import Path

import pytest

from sandbox.bank_calls import transfer
from sandbox.demo import play
from sandbox.demo_bank import BankStage
from sandbox.demo_sequels import Stage
from sandbox.finance_calls import Desk
from sandbox.seed import Parties, seed_parties
from sandbox.telling import Telling
from tests.journeys.conftest import System


def test_the_demo_finds_nothing_wrong_and_leaves_nothing_unexplained(
    system: System, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tell = Telling()
    play(system.way_in, tell, tmp_path)
    assert tell.end() == 0
    printed = capsys.readouterr().out
    assert "0.00 EUR unexplained" in printed
    assert "Trial balance" in printed
    assert "assets:bank:main" in printed
    assert "Everything was as it should be" in printed
    kept = {file.suffix: file for file in tmp_path.iterdir()}
    assert set(kept) == {".pdf", ".xlsx", ".beancount"}
    assert all(file.name in printed for file in kept.values())
    assert kept[".pdf"].read_bytes().startswith(b"%PDF")


def test_the_demo_is_right_again_on_the_same_system(system: System, tmp_path: Path) -> None:
    tell = Telling()
    play(system.way_in, tell, tmp_path)
    assert tell.end() == 0


def test_the_demo_sees_what_nothing_explains(system: System) -> None:
    desk = Desk(system.way_in, system.cast)
    with system.listening() as listener:
        bank = BankStage(Stage(system.way_in, system.cast, Telling(), listener), desk)
        before = bank.reconcile()
        transfer(system.way_in, "EUR", 4711, "Lottery")
        now = bank.reconcile().since(before)
        assert (now.in_suspense, now.unexplained) == (-4711, 4711)
        [line] = [item for item in desk.unmatched("EUR", "line") if item["amount"] == "4711"]
        desk.match(line, {"account": "equity:adjustments"}, "Won by somebody else.")
        assert bank.look(now.at_bank).since(before).unexplained == 0


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
