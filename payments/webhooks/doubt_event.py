"""What is done about an event whose money is not what we agreed on with the provider.

Its figures are not booked, whoever signed it: the provider is asked, by our own credentials and by
the id it gave us, and what it answers is what counts.
"""

import datetime as dt

from sqlalchemy import update
from sqlalchemy.orm import Session

from payments.lifecycle.record_facts import Outcome
from payments.lifecycle.tables import Payment
from payments.log_lines import get_logger

DOUBTED = frozenset({"amount_differs", "currency_differs", "reference_differs", "receipt_differs"})

_log = get_logger(__name__)


def doubt_event(
    session: Session, outcome: Outcome, *, provider: str, event_id: str, now: dt.datetime
) -> None:
    """Raise an alert, and have the payment asked about, when an event is not to be believed."""
    if outcome.reason not in DOUBTED:
        return
    _log.error(
        "event_contradicts_provider",
        provider=provider,
        event_id=event_id,
        payment_id=outcome.payment_id,
        reason=outcome.reason,
    )
    if outcome.payment_id is not None:
        session.execute(
            update(Payment)
            .where(
                Payment.id == outcome.payment_id,
                Payment.poll_at.is_(None) | (Payment.poll_at > now),
            )
            .values(poll_at=now)
            .execution_options(synchronize_session=False)
        )
