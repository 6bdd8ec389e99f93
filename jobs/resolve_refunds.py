"""Job: find out what became of refunds whose outcome or end nobody learnt."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.refunds.resolve_refunds import resolve_refunds as resolve

BATCH = 50


def resolve_refunds(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Look up the refunds that are due, and return how many are known now."""
    return resolve(context.engine, providers=context.providers, now=context.clock(), limit=BATCH)
