"""Whether a call nobody heard back from has happened, judged by what Stripe shows afterwards."""

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from payments.providers.stripe.intent_facts import failed_charge

CONFIRM, CAPTURE, CANCEL = "confirm", "capture", "cancel"

_CLOCKS_DIFFER = dt.timedelta(seconds=2)


class Verdict(StrEnum):
    """What became of a call."""

    DONE = "done"
    DECLINED = "declined"
    NOT_YET = "not_yet"  # it did not happen, or not so far
    NEVER = "never"  # it did not happen, and no longer can


_BY_STATUS: dict[str, dict[str, Verdict]] = {
    CONFIRM: {
        "succeeded": Verdict.DONE,
        "processing": Verdict.DONE,
        "requires_capture": Verdict.DONE,
        "requires_action": Verdict.DONE,
        "canceled": Verdict.NEVER,
    },
    CAPTURE: {
        "succeeded": Verdict.DONE,
        "requires_capture": Verdict.NOT_YET,
        "processing": Verdict.NOT_YET,
    },
    CANCEL: {"canceled": Verdict.DONE, "succeeded": Verdict.NEVER},
}
_OTHERWISE = {CONFIRM: Verdict.NOT_YET, CAPTURE: Verdict.NEVER, CANCEL: Verdict.NOT_YET}


def outcome_of_call(operation: str, shown: Mapping[str, Any], *, called_at: dt.datetime) -> Verdict:
    """Judge a confirm, capture or cancel by the intent as Stripe shows it, latest charge expanded.

    A decline counts only when its charge was made after the call: it may be an earlier attempt's.
    """
    if operation == CONFIRM and shown["status"] == "requires_payment_method":
        charge = failed_charge(shown)
        is_ours = charge is not None and charge[1] >= called_at - _CLOCKS_DIFFER
        return Verdict.DECLINED if is_ours else Verdict.NOT_YET
    return _BY_STATUS[operation].get(shown["status"], _OTHERWISE[operation])
