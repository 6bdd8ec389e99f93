"""What went through an encoder: the rows, and the sums of their amounts by asset and column."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from payments.reports.report import Cell, Report

BATCH = 1000


@dataclass
class Tally:
    """Filled while a report is encoded; complete when the encoder has given its last piece.

    `sums` is by asset code, then by the name of an amount column, in minor units.
    """

    rows: int = 0
    sums: dict[str, dict[str, int]] = field(default_factory=dict)

    def batches(self, report: Report) -> Iterator[list[tuple[Cell, ...]]]:
        """Give a report's rows in lists, each counted before it is given."""
        amounts = [n for n, column in enumerate(report.columns) if column.kind == "amount"]
        names = [report.columns[n].name for n in amounts]
        of_asset = asset_column(report) if amounts else 0
        rows = iter(report.rows)
        while batch := list(islice(rows, BATCH)):
            if amounts:
                columns = list(zip(*batch, strict=True))
                for name, n in zip(names, amounts, strict=True):
                    self._add(name, columns[of_asset], columns[n])
            self.rows += len(batch)
            yield batch

    def _add(self, name: str, codes: tuple[Cell, ...], amounts: tuple[Cell, ...]) -> None:
        found: dict[str, int] = {}
        for code, amount in zip(codes, amounts, strict=True):
            if amount is not None:
                found[code] = found.get(code, 0) + amount  # type: ignore[index,arg-type,operator] # what a column's kind promises
        for code, total in found.items():
            of_asset = self.sums.setdefault(code, {})
            of_asset[name] = of_asset.get(name, 0) + total


def asset_column(report: Report) -> int:
    """Return which column names the asset of a row's amounts.

    Raises:
        ValueError: none does, so that its amounts could not be understood.
    """
    for n, column in enumerate(report.columns):
        if column.name == "asset":
            return n
    raise ValueError(f"{report.name} has amounts, but no column says of which asset")
