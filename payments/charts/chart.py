"""What a chart shows, before it is drawn: lines or bars of amounts of one asset over time."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from ledger import Asset

Shape = Literal["lines", "bars"]


class Series(NamedTuple):
    """One line, or the bars of one colour: an amount in minor units for each step of time."""

    name: str
    amounts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart of one asset; every series has an amount for each of `steps`, which are in order.

    `title` says what it shows; `told` says in a sentence or two what it says, for those who listen.
    """

    name: str
    title: str
    told: str
    asset: Asset
    shape: Shape
    steps: tuple[str, ...]
    series: tuple[Series, ...]
