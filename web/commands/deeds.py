"""Ties every command to the audit log, as web/deeds.py ties every request."""

import sys
from collections.abc import Mapping

import click
from sqlalchemy.exc import SQLAlchemyError

from payments.audit.deed import Deed, bind_deed
from payments.audit.write_deeds import listen, write_entry
from payments.log_lines import get_logger
from web.commands.people import login_name
from web.parts import Parts

ONLY_READING: Mapping[str, str] = {
    "alerts conditions": "what is looked at",
    "alerts evaluate": "what the worker looks at anyway: counts, things by id",
    "alerts list": "counts, things by id",
    "alerts show": "counts, things by id",
    "audit seal": "routine of a worker, and it shows in the seals",
    "audit verify": "it shows numbers of entries",
    "backup create": "where the copy is",
    "chain contracts": "addresses",
    "chain intents": "amounts and states",
    "chain signers": "addresses",
    "dead-letters list": "errors, things by id",
    "deadlines list": "payments by id",
    "doctor": "settings, without secrets",
    "duplicates balances": "sums of an order",
    "duplicates report": "things by id",
    "encryption status": "keys by number",
    "freezes": "what staff decided",
    "incidents list": "what staff says of what is wrong",
    "incidents show": "what staff says of what is wrong",
    "keys list": "keys without their secrets",
    "ledger entries": "what staff asked for",
    "ledger export": "postings name parties by id",
    "ledger invariants": "what does not hold",
    "ledger mappings list": "names of accounts",
    "ledger periods": "states of months",
    "ledger report": "postings name parties by id",
    "ledger seal": "routine of a worker, and it shows in the seals",
    "ledger trial-balance": "sums",
    "ledger verify": "what does not fit",
    "metrics serve": "sums and counts",
    "metrics show": "sums and counts",
    "payments declines": "what banks said, no payer",
    "payouts list": "amounts, parties by id",
    "payouts show": "amounts, parties by id",
    "pending list": "amounts and states, things by id",
    "pending show-ask": "counts",
    "reconcile findings": "amounts, things by id",
    "reconcile show": "counts",
    "releases list": "amounts and states",
    "restore findings": "amounts, things by id",
    "restore status": "whether it stands still",
    "secrets list": "versions, without their values",
    "stripe balance": "sums",
    "webhooks list": "events by id",
    "webhooks proof": "events and effects by id",
    "webhooks refusals": "counts",
    "webhooks show-replay": "counts",
    "notices list": "deliveries by id",
    "notices endpoints": "addresses of the platform",
}
"""Commands that are no entry unless they change something, with what they show instead."""

ROLE = "command_line"


def bind_command(context: click.Context, parts: Parts) -> None:
    """Have the command that runs in `context` leave a deed, at its end at the latest."""
    listen()
    name = context.command_path.partition(" ")[2] or context.command_path
    person = f"command:{login_name()}"
    reason = context.params.get("reason")
    deed = Deed(
        actor=person,
        person=person,
        role=ROLE,
        action=f"command:{name}",
        at=parts.now(),
        cipher=parts.cipher,
        subjects=tuple(
            value
            for key, value in context.params.items()
            if isinstance(value, str) and (key == "id" or key.endswith("_id"))
        ),
        reason_of=lambda: reason if isinstance(reason, str) else None,
    )
    root = context.find_root()

    def conclude() -> None:
        failed = _is_failing()
        if context.params.get("dry_run") and not failed:
            return
        if (deed.written or name in ONLY_READING) and not (deed.written and failed):
            return
        try:
            write_entry(parts.engine, deed, "failed" if failed else "done")
        except SQLAlchemyError as error:
            get_logger(__name__).error("audit_entry_lost", reason=type(error).__name__)

    root.call_on_close(conclude)
    root.with_resource(bind_deed(deed))


def _is_failing() -> bool:
    """Whether the command is ending with an error, at this moment."""
    error = sys.exc_info()[1]
    return error is not None and not (
        isinstance(error, click.exceptions.Exit) and not error.exit_code
    )
