"""How far clocks may be apart."""

import datetime as dt

from payments.provider_checks import Check, State

NOTED_S = 5
"""A token, a lease or a link is judged wrongly for so long at most."""

TOO_FAR_S = 60
"""Far enough that webhooks and tokens of the right moment are refused soon."""


def judge_clock(name: str, ahead: dt.timedelta) -> Check:
    """Say how far our clock is ahead of another."""
    seconds = round(ahead.total_seconds())
    detail = f"ours is {abs(seconds)} s {'ahead' if seconds >= 0 else 'behind'}"
    change = "run an NTP client on both machines"
    if abs(seconds) > TOO_FAR_S:
        return Check(name, State.FAIL, detail, change)
    if abs(seconds) > NOTED_S:
        return Check(name, State.WARN, detail, change)
    return Check(name, State.OK, f"within {NOTED_S} s")
