"""What a search finds: enough to tell it from others and to go there."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """One thing; `by` says what of it was searched for, `amount` is in minor units of `asset`.

    `payment_id` and `order_id` are where it is shown when it has no page of its own.
    """

    kind: str
    id: str
    title: str
    state: str | None
    at: dt.datetime
    by: str = "id"
    amount: int | None = None
    asset: str | None = None
    order_id: str | None = None
    payment_id: str | None = None
    escrow_id: str | None = None
