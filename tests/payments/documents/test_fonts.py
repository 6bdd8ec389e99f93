"""That characters nobody here can print are told, and no others."""

import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from payments.documents import fonts
from payments.documents.fonts import missing_characters, missing_scripts


@pytest.fixture
def two_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What fontconfig lists; to be changed during the test."""
    listed = ["TrueType 41-5a 61-7a e9", "Type 1 30-39", "CFF 4f60"]

    def ask(*_: Any, **__: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, stdout="\n".join(listed))

    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/fc-list")
    monkeypatch.setattr(subprocess, "run", ask)
    fonts._covered.cache_clear()
    yield listed
    fonts._covered.cache_clear()


@pytest.mark.usefixtures("two_fonts")
def test_what_no_font_has_is_missing() -> None:
    assert missing_characters("Abcé 你好") == {"好"}


@pytest.mark.usefixtures("two_fonts")
def test_a_font_that_cannot_be_embedded_does_not_count() -> None:
    assert missing_characters("a1") == {"1"}


@pytest.mark.usefixtures("two_fonts")
def test_what_has_no_shape_is_never_missing() -> None:
    assert (
        missing_characters("a\n\t\u00a0\u200b\u200e\u200f\u202e\u2066\ufe0f\u00ad\ufeff") == set()
    )


def test_a_font_installed_meanwhile_is_seen(two_fonts: list[str]) -> None:
    assert missing_characters("한") == {"한"}
    two_fonts.append("TrueType ac00-d7a3")
    assert missing_characters("한") == set()


def test_the_scripts_that_lack_are_named(two_fonts: list[str]) -> None:
    lacking = missing_scripts()
    assert {"Greek", "Hebrew", "Arabic", "Korean"} <= set(lacking)
    two_fonts.append("TrueType 20-ffff")
    assert missing_scripts() == []


def test_the_fonts_of_this_machine_are_read_alike_both_ways() -> None:
    fonts._covered.cache_clear()
    if shutil.which("fc-list") is None:
        pytest.skip("fontconfig's program is not installed")
    asked = set(fonts._covered())
    assert {ord(letter) for letter in "AZaz09€"} <= asked
    assert asked <= fonts._read_fonts()
