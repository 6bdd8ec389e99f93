"""Job: undo entries by hand on the day they name."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.manual_entries.reverse_due import reverse_due


def reverse_manual_entries(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Reverse what is due; return how many were, and how many the ledger refused."""
    return reverse_due(context.engine, now=context.clock())
