"""Job: ask the provider about payments that nobody told the end of."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.intake.poll_payments import poll_payments as poll

BATCH = 50


def poll_payments(context: JobContext, _args: Mapping[str, Any]) -> Mapping[str, int]:
    """Ask about the payments that are due, and return how many ended how."""
    return poll(context.engine, limit=BATCH, now=context.clock(), providers=context.providers)
