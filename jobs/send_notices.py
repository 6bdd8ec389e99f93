"""Job: send the platform's backend what it has not been told yet."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.notices.sender import Sender
from payments.outgoing.calls import OutgoingCalls

BUSY_FOR = dt.timedelta(seconds=10)
"""After this long the job ends and others have their turn; the relay sees what is left."""

_IDLE_S = 0.25

# By the id of its context, which is kept with it: so no other one gets that id.
_senders: dict[int, tuple[JobContext, Sender]] = {}


def send_notices(context: JobContext, _args: Mapping[str, Any]) -> Mapping[str, int]:
    """Send what is due and return how many arrived; waits for no receiver that is slow.

    What such a one leaves under way ends in its own threads, and is written down there.
    """
    sender = sender_of(context)
    until = context.clock() + BUSY_FOR
    while context.clock() < until:
        seen = sender.ended
        begun = sender.begin_due()
        if not sender.wait(seen=seen, timeout_s=_IDLE_S) and not begun:
            break
    return sender.take_figures()


def sender_of(context: JobContext) -> Sender:
    """Return what this process sends with, made when it is first needed."""
    if id(context) not in _senders:
        _senders[id(context)] = (context, _connect(context))
    return _senders[id(context)][1]


def _connect(context: JobContext) -> Sender:
    settings = context.settings
    return Sender(
        context.engine,
        cipher=context.cipher,
        calls=OutgoingCalls(
            private_networks=settings.notice_private_networks, ca_file=settings.notice_ca_file
        ),
        clock=context.clock,
    )
