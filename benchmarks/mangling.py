"""What people and banks do to a reference on its way."""

import random
from collections.abc import Callable, Mapping

_TYPED = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _broken(reference: str, breaks: tuple[str, ...], chance: random.Random) -> str:
    """Put one of `breaks` in one to three places."""
    places = sorted(chance.sample(range(1, len(reference)), chance.randint(1, 3)), reverse=True)
    for place in places:
        reference = reference[:place] + chance.choice(breaks) + reference[place:]
    return reference


def _misread(reference: str, chance: random.Random) -> str:
    read = {"0": ("O", "o"), "1": ("I", "l", "L")}
    return "".join(chance.choice(read.get(character, (character,))) for character in reference)


MANGLINGS: Mapping[str, Callable[[str, random.Random], str]] = {
    "spaces": lambda reference, chance: _broken(reference, (" ", "  "), chance),
    "dashes": lambda reference, chance: _broken(reference, ("-", ".", " - ", "/"), chance),
    "line break": lambda reference, chance: _broken(reference, ("\n", "\r\n", "?21"), chance),
    "small letters": lambda reference, _: reference.lower(),
    "misread": _misread,
    "lost zeros": lambda reference, _: "SR" + reference[2:].lstrip("0"),
}
"""All that leaves a reference's key as it is, by name."""


def with_one_mistake(reference: str, chance: random.Random) -> str:
    """Return it with one character wrong, missing, added or swapped with the next, anywhere."""
    while True:
        at = chance.randrange(len(reference))
        character = chance.choice(_TYPED)
        before, after = reference[:at], reference[at + 1 :]
        typed = chance.choice(
            (
                before + character + after,
                before + after,
                before + character + reference[at:],
                before + after[:1] + reference[at] + after[1:],
            )
        )
        if typed != reference:
            return typed
