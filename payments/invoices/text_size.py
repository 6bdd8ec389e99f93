"""How many lines a text takes at most: measured with the widest font that may be at hand.

A guess that is too high leaves a little space free; one that is too low would push a page over
its end. DejaVu Sans, the widest of the usual fonts, is the measure.
"""

import math
import unicodedata

MM_PER_PT = 25.4 / 72

_THIN, _NARROW, _LOWER, _UPPER, _WIDE, _FULL = 0.32, 0.42, 0.638, 0.79, 1.0, 1.03
_SPECIAL = (("ijl .,'", _THIN), ("tfrIJ:;|!()[]/-", _NARROW), ("mwMW@%&—…", _WIDE))
_BEYOND_LATIN = 0x0250
_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})
_SYMBOLS = frozenset({"Sm", "So"})
_FULL_WIDTH = frozenset("WF")


def text_lines(text: str, *, width_mm: float, size_pt: float, is_bold: bool = False) -> int:
    """Return how many lines of `width_mm` a text takes at most; words break where they must."""
    room = width_mm / (size_pt * MM_PER_PT * (1.13 if is_bold else 1.0))
    lines, used = 1, 0.0
    for word in _pieces(text):
        width = sum(map(_em, word))
        if used + width > room and used:
            lines, used = lines + 1, 0.0
        if width > room:
            lines += math.ceil(width / (room - _FULL)) - 1
            used = room  # what follows may not fit behind it
        else:
            used += width + _THIN
    return lines


def _pieces(text: str) -> list[str]:
    """Split where a line may break: at spaces, and at every ideograph."""
    pieces: list[str] = []
    for word in text.split():
        start = 0
        for index, character in enumerate(word):
            if unicodedata.east_asian_width(character) in _FULL_WIDTH:
                pieces += [word[start:index], character] if index > start else [character]
                start = index + 1
        if start < len(word):
            pieces.append(word[start:])
    return pieces


def has_ideographs(text: str) -> bool:
    """Whether a text has characters that fill a square: their fonts seldom have a bold cut."""
    return any(unicodedata.east_asian_width(character) in _FULL_WIDTH for character in text)


def _em(character: str) -> float:
    category = unicodedata.category(character)
    if category in _NO_WIDTH:
        return 0.0
    if has_ideographs(character):
        return _FULL
    for characters, width in _SPECIAL:
        if character in characters:
            return width
    if category in _SYMBOLS:
        return _WIDE
    is_small = not character.isupper() and ord(character) < _BEYOND_LATIN
    return _LOWER if is_small else _UPPER
