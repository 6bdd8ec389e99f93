"""Job: prove the invariants of ledger and payments, and say loudly if one does not hold."""

from collections.abc import Mapping
from typing import Any

import ledger
from jobs.context import JobContext
from jobs.queues import ROUTINE
from payments import invariants
from payments.alerts.proofs import BOOKS, keep_proof
from payments.database import in_transaction
from payments.log_lines import get_logger

_log = get_logger(__name__)


def audit_ledger(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Prove every invariant and return how many are broken; each is one critical log line.

    What came of it is kept: the alert of broken books reads it.
    """
    began = context.clock()
    with context.engine.begin() as connection:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        # It reads the whole journal, which takes longer than a statement usually may.
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{ROUTINE.timeout_s}s'")
        broken = ledger.broken_invariants(connection) + invariants.broken_invariants(connection)
    for invariant in broken:
        _log.critical("invariant_broken", invariant=invariant.name, rows=repr(invariant.rows))
    took_ms = int((context.clock() - began).total_seconds() * 1000)
    in_transaction(
        context.engine,
        lambda session: keep_proof(
            session,
            BOOKS,
            broken={invariant.name: len(invariant.rows) for invariant in broken},
            took_ms=took_ms,
            now=began,
        ),
    )
    return {"broken": len(broken)}
