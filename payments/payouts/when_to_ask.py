"""When to ask a provider about a payout: ever more seldom, and for a while after it was paid."""

import datetime as dt

FIRST_LOOK = dt.timedelta(minutes=1)
"""When to look up a payout whose process seems to have died: longer than a call may take."""

LOOKS = (
    dt.timedelta(minutes=1),
    dt.timedelta(minutes=5),
    dt.timedelta(minutes=30),
    dt.timedelta(hours=1),
    dt.timedelta(hours=6),
)
"""How long to wait before each look at one without an answer; the last one from then on."""

_SOONEST = dt.timedelta(minutes=1)
_LATEST = dt.timedelta(hours=6)
_MAY_COME_BACK = dt.timedelta(days=7)
_EVERY = dt.timedelta(days=1)
_TOLD_OTHERWISE = frozenset({"stripe"})


def when_unknown(looks: int, *, now: dt.datetime) -> dt.datetime:
    """Return when to look again at a payout that was asked about `looks` times in vain."""
    return now + LOOKS[min(looks, len(LOOKS) - 1)]


def when_pending(since: dt.datetime, *, now: dt.datetime) -> dt.datetime:
    """Return when to ask again about one that is under way."""
    return now + min(max(now - since, _SOONEST), _LATEST)


def when_paid(provider: str, paid_at: dt.datetime, *, now: dt.datetime) -> dt.datetime | None:
    """Return when to ask whether a paid one came back; None: there is no need to.

    Of Stripe the list of balance transactions tells.
    """
    if provider in _TOLD_OTHERWISE or now - paid_at > _MAY_COME_BACK:
        return None
    return now + _EVERY
