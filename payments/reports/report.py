"""A report as rows under columns, whatever format it is written in."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ledger import Asset
from ledger.reporting.scope import Scope

Kind = Literal["text", "amount", "count", "date", "moment"]
Cell = str | int | dt.date | dt.datetime | None


@dataclass(frozen=True)
class Column:
    """A column: its name for programs, its title for people, and what its cells are.

    An `amount` is an int of minor units of the asset that the row's `asset` column names.
    `adds_up`: the sum of the column over all rows means something; that of running balances, or
    of income and expenses in their natural signs, does not.
    """

    name: str
    title: str
    kind: Kind = "text"
    adds_up: bool = True


@dataclass(frozen=True, kw_only=True)
class Report:
    """Rows that are read once, in order; `rows` reads from the database as it goes.

    `drill_down` gives, for a row, the path of the report that shows the entries behind it.
    """

    name: str
    title: str
    scope: Scope
    sequence: int  # the newest entry of the ledger that may be in it
    columns: tuple[Column, ...]
    rows: Iterator[tuple[Cell, ...]]
    assets: Mapping[str, Asset]
    parameters: Mapping[str, str] = field(default_factory=dict)  # what was asked for, beside scope
    drill_down: Callable[[tuple[Cell, ...]], str | None] | None = None
