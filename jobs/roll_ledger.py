"""Job: roll up the ledger's hot accounts and its daily totals, so that they stay quick to read."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from ledger import roll_accounts, roll_totals


def roll_ledger(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Roll up what is due; return how many postings and, into the totals, entries that were."""
    return {
        "postings": roll_accounts(context.engine),
        "entries": roll_totals(context.engine),
    }
