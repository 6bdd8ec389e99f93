"""A second factor for everything staff do, and a fresh one for what is dangerous (RFC 9470).

It is what a person's token says of its own making (`amr`, RFC 8176; `auth_time`), and what the
session that came from it remembers. API keys prove no person and are not asked.
"""

import datetime as dt
from collections.abc import Collection

from payments.access.caller import STAFF_ROLES, Caller
from payments.errors import StepUpRequiredError

FRESH = dt.timedelta(minutes=5)


def require_factors(
    caller: Caller, *, accepted: Collection[str], fresh: bool, now: dt.datetime
) -> None:
    """Ask staff for a second factor, given within five minutes where it must be `fresh`.

    Raises:
        StepUpRequiredError: there is none, or it is older.
    """
    if caller.role not in STAFF_ROLES:
        return
    if caller.factors.isdisjoint(accepted):
        raise StepUpRequiredError(
            "Staff sign in with a second factor; sign in again with one.", max_age=FRESH
        )
    proved_at = caller.authenticated_at
    if fresh and (proved_at is None or proved_at <= now - FRESH):
        raise StepUpRequiredError(
            "This takes a sign-in of the last five minutes; sign in again.", max_age=FRESH
        )
