"""How far tests go that could go on for ever: `make test` goes part of the way, `make deep` all."""

import os
from collections.abc import Iterable
from typing import TypeVar

_Thing = TypeVar("_Thing")

IS_DEEP = os.environ.get("DEEP") == "1"  # noqa: TID251 - `make deep` says so


def part_of(things: Iterable[_Thing]) -> list[_Thing]:
    """Return all of them when it goes deep, else every third, with the first and the last."""
    everything = list(things)
    if IS_DEEP or len(everything) <= 24:  # the orders of four
        return everything
    return [*everything[:-1:3], everything[-1]]
