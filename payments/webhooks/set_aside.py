"""What becomes of an event that cannot be applied: tried again with growing rests, then dead.

How long is the provider's retry window, counted from the event's receipt or its last replay.
"""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy.orm import Session

from payments.log_lines import get_logger
from payments.privacy.redaction import redact
from payments.webhooks.retry_window import retry_window
from payments.webhooks.tables import InboxEvent

BACK_OFF_CAP_S = 3_600
ERROR_LENGTH = 2_000

_log = get_logger(__name__)


def set_aside(
    session: Session,
    event: InboxEvent,
    fault: str,
    *,
    configured_h: Mapping[str, int],
    now: dt.datetime,
) -> None:
    """Keep an event for a later attempt, or for people when its retry window is over.

    `configured_h` is the settings' retry window of each provider, in hours. The last attempt is
    made when the window ends. The fault is kept with the event, without secrets.
    """
    window = retry_window(session, event.provider, configured_h=configured_h)
    ends_at = (event.replayed_at or event.received_at) + window
    event.attempts += 1
    event.error = str(redact(fault))[:ERROR_LENGTH]
    if now >= ends_at:
        event.state, event.finished_at = "dead", now
    else:
        event.due_at = min(now + back_off(event.attempts), ends_at)
    session.flush()
    _log.warning(
        "webhook_event_set_aside",
        event_id=event.event_id,
        event_type=event.event_type,
        received_by_request=event.request_id,
        attempts=event.attempts,
        state=event.state,
        error=event.error,
    )


def back_off(attempts: int) -> dt.timedelta:
    """Return how long an event rests after so many failed attempts: 1 s, 4 s, … to an hour."""
    exponent = min(max(attempts - 1, 0), BACK_OFF_CAP_S.bit_length())
    return dt.timedelta(seconds=min(4**exponent, BACK_OFF_CAP_S))
