"""Job: roll up the ledger's hot accounts, so that their balances stay quick to read."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from ledger import roll_accounts


def roll_ledger(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Roll up what is due and return how many postings that were."""
    return {"postings": roll_accounts(context.engine)}
