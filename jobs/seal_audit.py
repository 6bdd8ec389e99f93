"""Job: seal new entries of the audit log into its hash chain, and log the newest seal.

The line in the log is what leaves this machine with the logs: an anchor for `audit verify`.
"""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.audit.sealing import seal_audit as seal
from payments.audit.verify import last_audit_seal
from payments.log_lines import get_logger


def seal_audit(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Seal what is settled and return how many entries that were."""
    entries = seal(context.engine)
    if entries:
        with context.engine.connect() as connection:
            newest = last_audit_seal(connection)
        get_logger(__name__).info("audit_sealed", entries=entries, anchor=str(newest))
    return {"entries": entries}
