"""Our clock beside Stripe's: a webhook is refused when they differ by more than five minutes."""

import datetime as dt
from email.utils import parsedate_to_datetime

import urllib3

from payments.doctor.clocks import judge_clock
from payments.provider_checks import CONNECT_TIMEOUT_S, Check
from payments.settings import Settings


def stripe_clock_checks(settings: Settings, *, now: dt.datetime) -> list[Check]:
    """Compare the clocks; nothing when Stripe does not answer, which another check says."""
    with urllib3.PoolManager(retries=False, timeout=CONNECT_TIMEOUT_S) as pool:
        try:
            answer = pool.request("GET", settings.stripe_api_url)
            theirs = parsedate_to_datetime(answer.headers["Date"])
        except (urllib3.exceptions.HTTPError, KeyError, ValueError):
            return []
    return [judge_clock("Clock beside Stripe's", now - theirs)]
