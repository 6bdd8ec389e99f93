"""Getting Debian's packages: once, only what lacks, within limits, and never in the way."""

import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from sandbox import install_renderer
from sandbox.install_renderer import Part, main


class Machine:
    """Stands in for the programs that are called: notes what is asked, refuses what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.refused: set[str] = set()
        self.programs = {"apt-get", "sudo"}
        self.uid = 0
        monkeypatch.setattr(subprocess, "run", self._run)
        monkeypatch.setattr(install_renderer.os, "geteuid", lambda: self.uid)  # type: ignore[attr-defined] # the module's own import
        monkeypatch.setattr(
            install_renderer.shutil,  # type: ignore[attr-defined] # likewise
            "which",
            lambda name: f"/usr/bin/{name}" if name in self.programs else None,
        )

    def _run(self, command: Sequence[str], **limits: Any) -> subprocess.CompletedProcess[bytes]:
        assert limits["timeout"] <= 300
        line = " ".join(word for word in command if word[0] != "-" and "=" not in word)
        self.asked.append(line)
        if any(word in line for word in self.refused):
            raise subprocess.TimeoutExpired(command, limits["timeout"])
        return subprocess.CompletedProcess(command, 0, b"", b"")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    parts = (Part("one", lambda: False), Part("two", lambda: True), Part("three", lambda: False))
    monkeypatch.setattr(install_renderer, "PARTS", parts)
    return Machine(monkeypatch)


def test_only_what_lacks_is_installed(machine: Machine) -> None:
    main()
    assert machine.asked == [
        "env apt-get install one",
        "env apt-get install one",
        "env apt-get install three",
        "env apt-get install three",
    ]


def test_nothing_is_asked_or_said_when_all_is_here(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install_renderer, "PARTS", (Part("two", lambda: True),))
    main()
    assert (machine.asked, capsys.readouterr().out) == ([], "")


def test_what_cannot_be_had_is_said_and_the_rest_is_installed(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.refused = {"one"}
    main()
    assert "env apt-get update" in machine.asked
    assert machine.asked[-1] == "env apt-get install three"
    told = capsys.readouterr().out
    assert "one could not be installed; going on without it" in told
    assert "WeasyPrint renders the PDFs" in told


def test_sudo_is_used_where_it_asks_nothing(machine: Machine) -> None:
    machine.uid = 1000
    main()
    assert machine.asked[:2] == ["sudo true", "sudo env apt-get install one"]


@pytest.mark.parametrize("lacking", ["sudo", "apt-get", "right"])
def test_without_rights_or_apt_it_names_the_packages(
    machine: Machine, capsys: pytest.CaptureFixture[str], lacking: str
) -> None:
    machine.uid = 1000
    machine.programs.discard(lacking)
    machine.refused = {"sudo true"} if lacking == "right" else set()
    main()
    assert not [line for line in machine.asked if "apt-get" in line]
    assert "one three" in capsys.readouterr().out
