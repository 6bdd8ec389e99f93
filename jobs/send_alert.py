"""Job: send the messages about alerts that are due, to whatever the team uses."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.alerts.apprise_sender import send
from payments.alerts.deliver import deliver_due


def send_alert(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Send what is due and return how many messages arrived, and how many did not.

    It does not fail when a target is away: the message says itself when it is tried again.
    """
    return deliver_due(context.engine, settings=context.settings, send=send, clock=context.clock)
