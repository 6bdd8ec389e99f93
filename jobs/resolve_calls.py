"""Job: find out what became of calls to the provider whose outcome nobody learnt."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.intake.resolve_calls import resolve_calls as resolve

BATCH = 50


def resolve_calls(context: JobContext, _args: Mapping[str, Any]) -> Mapping[str, int]:
    """Look up the calls that are due, and return how many ended how."""
    return resolve(
        context.engine,
        limit=BATCH,
        now=context.clock(),
        cipher=context.cipher,
        providers=context.providers,
    )
