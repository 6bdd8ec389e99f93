"""Job: seal new entries of the ledger into its hash chain."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from ledger import seal


def seal_ledger(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Seal what is settled and return how many entries that were."""
    return {"entries": seal(context.engine)}
