"""Job: encrypt everything with the newest data key, then retire the old ones."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from jobs.come_back import come_back
from jobs.context import JobContext
from payments.at_rest.encrypt_anew import encrypt_anew as take_walk
from payments.at_rest.request_rotation import JOB
from payments.at_rest.retire_keys import CLOSE_AFTER, is_any_closed, retire_keys
from payments.database import transaction

BREATH = dt.timedelta(seconds=1)
"""How long it makes room for other jobs before it goes on."""


def encrypt_anew(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Walk once, if a walk is wanted, and take old keys a step further."""
    is_done = take_walk(context.engine, cipher=context.cipher, clock=context.clock)
    if is_done is False:
        come_back(context, JOB, after=BREATH)
        return {"runs_done": 0}
    retired = retire_keys(context.engine, cipher=context.cipher, now=context.clock())
    with transaction(context.engine) as session:
        if is_done or is_any_closed(session):
            come_back(context, JOB, after=CLOSE_AFTER)
    return {"runs_done": int(is_done or False), "keys_retired": retired}
