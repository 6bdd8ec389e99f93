"""Job: pay sellers what was released to them, and find out what became of payouts."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.database import transaction
from payments.payouts.pay_sellers import pay_sellers as pay
from payments.payouts.wake_up import wake_up

BATCH = 50


def pay_sellers(context: JobContext, _args: Mapping[str, Any]) -> Mapping[str, int]:
    """Do what is due about payouts; where more is due than one run takes, ask for another run."""
    now = context.clock()
    done = pay(
        context.engine, providers=context.providers, cipher=context.cipher, now=now, limit=BATCH
    )
    if done["due"] == BATCH:
        with transaction(context.engine) as session:
            wake_up(session, now=now)
    return done
