"""When a notice is sent again: the delays that Standard Webhooks 1.0.0 gives as an example."""

import datetime as dt
import hashlib
from email.utils import parsedate_to_datetime

_S, _M, _H = dt.timedelta(seconds=1), dt.timedelta(minutes=1), dt.timedelta(hours=1)

DELAYS = (5 * _S, 5 * _M, 30 * _M, 2 * _H, 5 * _H, 10 * _H, 14 * _H, 20 * _H, 24 * _H)
"""After the first attempt, the second, and so on: three days and some hours in all."""

LONGEST_WISH = dt.timedelta(hours=24)
"""What a receiver may ask for by `Retry-After`."""

_SPREAD = 10  # percent


def delay_after(attempts: int, *, notice_id: str) -> dt.timedelta | None:
    """Return how long to wait after so many failed attempts; None: that was the last one.

    Up to a tenth longer, differently for each notice, so that what failed together does not come
    back together.
    """
    if attempts > len(DELAYS):
        return None
    delay = DELAYS[attempts - 1]
    first_byte = hashlib.sha256(f"{notice_id}:{attempts}".encode()).digest()[0]
    return delay + delay * _SPREAD * first_byte // (100 * 255)


def wish_of(retry_after: str | None, *, now: dt.datetime) -> dt.timedelta | None:
    """Return how long a receiver asks us to wait, up to a day; None when it does not say.

    Seconds or a date: RFC 9110, 10.2.3.
    """
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdecimal():
        return min(dt.timedelta(seconds=int(retry_after[:9])), LONGEST_WISH)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError, IndexError, TypeError):  # whatever a receiver makes up
        return None
    if moment.tzinfo is None:
        return None
    return max(dt.timedelta(), min(moment - now, LONGEST_WISH))
