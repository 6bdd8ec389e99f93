"""Reconciliation measured: the engine alone, then a whole run on PostgreSQL, against the truth."""

from rich.table import Table

from benchmarks.reconciliation_engine import measure_engine
from benchmarks.reconciliation_run import measure_run
from benchmarks.reconciliation_truth import Judgement
from benchmarks.report import console, print_measures
from sandbox.postgres import Postgres

SEED = 4


def measure_reconciliation(postgres: Postgres) -> None:
    """Measure and print."""
    figures, judgement = measure_engine(seed=SEED)
    print_measures("Matching alone: 10,000 and 100,000 payments", figures)
    print_judgement(judgement)
    run, judgement = measure_run(postgres, seed=SEED)
    print_measures("A whole run on PostgreSQL: 100,000 payments", run)
    print_judgement(judgement)


def print_judgement(judgement: Judgement) -> None:
    """Print, by kind of line, what should be matched, what was, and what was wrong."""
    table = Table(title="Lines by kind")
    for name in ("kind", "lines", "should match", "rightly matched", "wrongly matched"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind in sorted(judgement.lines):
        counts = (counter[kind] for counter in judgement)
        table.add_row(kind, *(f"{count:,}" for count in counts))
    console().print(table)
