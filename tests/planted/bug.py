"""What a planted bug is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """A passage that stands in a file exactly once, and what takes its place."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Bug:
    """What somebody might do, and pytest's arguments for the tests that should turn red.

    `compiles`: the contracts are compiled anew with it, as somebody who changes them would do.
    """

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    compiles: bool = False
