"""Sends one notice: signed anew each time, with the same id and the same bytes."""

import datetime as dt

from payments.crash_points import reach
from payments.notices.claim_due import Claimed
from payments.notices.record_outcome import Outcome
from payments.notices.signing import signed_headers
from payments.notices.when_next import wish_of
from payments.outgoing.calls import OutgoingCalls
from payments.outgoing.errors import CallRefusedError, NoAnswerError

_HEADERS = {"Content-Type": "application/json", "User-Agent": "Strongroom-Notices/1"}


def send(calls: OutgoingCalls, claimed: Claimed, *, now: dt.datetime) -> Outcome:
    """Post a notice to its receiver and return how it went; what it answers is not kept."""
    headers = signed_headers(
        notice_id=claimed.notice_id, body=claimed.body, secrets_=claimed.secrets, at=now
    )
    try:
        answer = calls.post(
            claimed.url, body=claimed.body.encode(), headers={**_HEADERS, **headers}
        )
    except (CallRefusedError, NoAnswerError) as error:
        return Outcome(error=error.reason)
    reach("notice.sent")
    wish = wish_of(answer.headers.get("retry-after"), now=now)
    return Outcome(status=answer.status, wish=wish)
