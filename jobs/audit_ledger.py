"""Job: prove the invariants of ledger and payments, and say loudly if one does not hold."""

from collections.abc import Mapping
from typing import Any

import ledger
from jobs.context import JobContext
from jobs.queues import ROUTINE
from payments import invariants
from payments.log_lines import get_logger

_log = get_logger(__name__)


def audit_ledger(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Prove every invariant and return how many are broken; each is one critical log line."""
    with context.engine.begin() as connection:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        # It reads the whole journal, which takes longer than a statement usually may.
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{ROUTINE.timeout_s}s'")
        broken = ledger.broken_invariants(connection) + invariants.broken_invariants(connection)
    for invariant in broken:
        _log.critical("invariant_broken", invariant=invariant.name, rows=repr(invariant.rows))
    return {"broken": len(broken)}
