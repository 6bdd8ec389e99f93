"""How a benchmark tells its figures: beside the floor of the same run, the aim and the least."""

import sys
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Row(NamedTuple):
    """One case: entries a second of the ledger and of the bare floor."""

    case: str
    rate: float
    floor: float | None
    aim: float
    least: float


class Figure(NamedTuple):
    """A figure that is better when smaller: `value` in `unit`."""

    case: str
    value: float
    unit: str
    aim: float
    least: float


def console() -> Console:
    """Return where figures are printed: wide enough for a line each, also into a file."""
    return Console(width=None if sys.stdout.isatty() else 120)


def print_rows(rows: list[Row]) -> None:
    """Print entries a second."""
    table = Table(title="Entries a second, durable, all integrity on")
    for name in ("case", "ledger", "bare floor", "ratio", "aim", "at least", ""):
        table.add_column(name, justify="left" if name == "case" else "right")
    for row in rows:
        floor = f"{row.floor:,.0f}" if row.floor else "-"
        ratio = f"{row.rate / row.floor:.2f}" if row.floor else "-"
        verdict = _verdict(reached=row.rate >= row.aim, enough=row.rate >= row.least)
        table.add_row(
            row.case, f"{row.rate:,.0f}", floor, ratio, f"{row.aim:,}", f"{row.least:,}", verdict
        )
    console().print(table)


def print_figures(figures: list[Figure]) -> None:
    """Print what is better when smaller."""
    table = Table(title="With 10 million postings in the ledger")
    for name in ("case", "measured", "aim", "at most", ""):
        table.add_column(name, justify="left" if name == "case" else "right")
    for figure in figures:
        verdict = _verdict(reached=figure.value <= figure.aim, enough=figure.value <= figure.least)
        table.add_row(
            figure.case,
            f"{figure.value:.2f} {figure.unit}",
            f"{figure.aim}",
            f"{figure.least}",
            verdict,
        )
    console().print(table)


class Bound(NamedTuple):
    """What a figure should reach: `aim`, and `least` in any case; smaller is better, or not."""

    aim: float
    least: float
    smaller: bool = True


BOUNDS = {
    "acknowledged_s": Bound(1_500, 1_000, smaller=False),
    "p99_ms": Bound(200, 200),
    "drained_s": Bound(3_000, 2_000, smaller=False),
    "last_posted_after_s": Bound(10, 10),
    "own_p50_ms": Bound(10, 10),
    "own_p99_ms": Bound(40, 40),
    "memory_mb": Bound(250, 250),
    "last_client_ms": Bound(300, 300),
    "others_p99_ms": Bound(20, 20),
    "calls_an_idle_look": Bound(2, 2),
    "calls_a_block_many": Bound(6, 8),
    "calls_a_busy_block_many": Bound(6, 8),
    "run_s": Bound(60, 60),
    "invariants_broken": Bound(0, 0),
    "growth": Bound(1.2, 1.6),
    "peak_rss_mb": Bound(500, 500),
    "precision_percent": Bound(100, 100, smaller=False),
    "trial_balance_ms": Bound(200, 200),
    "of_a_month_ms": Bound(200, 200),
    "of_a_month_as_of_its_end_ms": Bound(200, 200),
    "as_of_amid_a_day_ms": Bound(200, 200),
    "by_recording_ms": Bound(200, 200),
    "csv_rows_s": Bound(100_000, 100_000, smaller=False),
    "csv_peak_mb": Bound(200, 200),
    "xlsx_peak_mb": Bound(200, 200),
    "one_invoice_s": Bound(0.5, 0.5),
    "invoices_s": Bound(5, 5, smaller=False),
    "recall_percent": Bound(99, 99, smaller=False),
}


def print_measures(title: str, figures: NamedTuple) -> None:
    """Print every figure of a case, and what it should be where something was asked for."""
    table = Table(title=title)
    for name in ("figure", "measured", "aim", "least", ""):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for name, value in figures._asdict().items():
        if isinstance(value, dict):
            parts = ", ".join(f"{part} {used:.2f}" for part, used in value.items())
            table.add_row(f"{name}: {parts}", f"{sum(value.values()):.2f}")
        elif bound := BOUNDS.get(name):
            sign = 1 if bound.smaller else -1
            verdict = _verdict(
                reached=value * sign <= bound.aim * sign, enough=value * sign <= bound.least * sign
            )
            digits = 3 if name.endswith("_percent") else 1  # 99.998 is not 100
            told = f"{value:,.{digits}f}"
            table.add_row(name, told, f"{bound.aim:,}", f"{bound.least:,}", verdict)
        else:
            table.add_row(name, f"{value:,.2f}")
    console().print(table)


def _verdict(*, reached: bool, enough: bool) -> str:
    if reached:
        return "aim"
    return "ok" if enough else "MISSED"
