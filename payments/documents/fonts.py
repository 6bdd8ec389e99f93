"""Which characters the fonts of this machine can show, so that no name is printed as boxes."""

import contextlib
import functools
import shutil
import subprocess
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from fontTools.ttLib import TTCollection, TTFont, TTLibError

_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "/Library/Fonts")
_ASKED_S = 30
# Neither has a shape of its own: controls, marks of direction, joiners, and the various spaces.
_SHAPELESS = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_VARIATION_SELECTORS = frozenset(range(0xFE00, 0xFE10))
_SCRIPTS = {
    "Latin": "Aéßłő",
    "Greek": "Ωλ",
    "Cyrillic": "Жя",
    "Hebrew": "שלום",
    "Arabic": "مرحبا",
    "Chinese": "你好東",
    "Japanese": "ひカ",
    "Korean": "한국",
}


def missing_characters(text: str) -> set[str]:
    """Return the characters of `text` that no font here has a shape for.

    Fonts may be installed while we run: when something lacks, they are looked up again.
    """
    missing = _missing(text)
    if missing:
        _covered.cache_clear()
        missing = _missing(text)
    return missing


def missing_scripts() -> list[str]:
    """Return which scripts that `make run` gets fonts for cannot be printed here."""
    return [name for name, letters in _SCRIPTS.items() if missing_characters(letters)]


def _missing(text: str) -> set[str]:
    covered = _covered()
    return {
        character
        for character in set(text)
        if ord(character) not in covered
        and ord(character) not in _VARIATION_SELECTORS
        and unicodedata.category(character) not in _SHAPELESS
    }


@functools.cache
def _covered() -> frozenset[int]:
    program = shutil.which("fc-list")
    return frozenset(_ask_fontconfig(program) if program else _read_fonts())


def _ask_fontconfig(program: str) -> set[int]:
    """Ask as the child does that renders: without a home, and only for fonts it can embed."""
    told = subprocess.run(
        [program, ":scalable=true:color=false", "--format", "%{fontformat} %{charset}\n"],
        capture_output=True,
        text=True,
        timeout=_ASKED_S,
        env={"HOME": "/nonexistent", "LANG": "C.UTF-8"},
        check=True,
    )
    covered: set[int] = set()
    for line in set(told.stdout.splitlines()):
        kind, _, ranges = line.partition(" ")
        if kind in ("TrueType", "CFF"):
            for part in ranges.split():
                first, _, last = part.partition("-")
                covered.update(range(int(first, 16), int(last or first, 16) + 1))
    return covered


def _read_fonts() -> set[int]:
    """Read the fonts themselves, where fontconfig's program is not installed."""
    covered: set[int] = set()
    for file in _font_files():
        try:
            with _open_fonts(file) as fonts:
                for font in fonts:
                    covered.update(font.getBestCmap() or ())
        except (TTLibError, OSError, KeyError, AssertionError):
            continue  # a broken font shows nothing
    return covered


@contextlib.contextmanager
def _open_fonts(file: Path) -> Iterator[Iterable[TTFont]]:
    if file.suffix.lower() == ".ttc":
        with TTCollection(file, lazy=True) as collection:
            yield collection.fonts
    else:
        with TTFont(file, lazy=True) as font:
            yield [font]


def _font_files() -> list[Path]:
    return [
        file
        for folder in _FOLDERS
        for file in Path(folder).rglob("*")
        if file.suffix.lower() in (".ttf", ".otf", ".ttc")
    ]
