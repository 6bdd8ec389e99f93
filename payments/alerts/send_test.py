"""Sends a test to a target, so that nobody finds out in earnest that it does not arrive."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.alerts.compose import Message
from payments.alerts.tables import AlertDelivery
from payments.alerts.tell import write_messages
from payments.errors import InvalidRequestError
from payments.idempotency import Answered
from payments.settings import Settings

OPERATION = "alerts.test"


@dataclass(frozen=True)
class TestMessages:
    """A test to a target: one message for each of its addresses."""

    target: str
    deliveries: list[AlertDelivery]


def send_test(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    target: str,
    settings: Settings,
    now: dt.datetime,
) -> Answered[TestMessages]:
    """Have a message sent to each address of a target, once per reference.

    Raises:
        InvalidRequestError: the target has no address.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"target": target}),
        now=now,
    )
    if claim.replayed_id is not None:
        found = _of(session, target, [int(number) for number in claim.replayed_id.split("-")])
        return Answered(TestMessages(target, found), replayed=True)
    if not settings.alert_targets.get(target):
        fault = {"target": ["It has no address; ALERT_TARGETS gives it some."]}
        raise InvalidRequestError("Nobody would be told.", errors=fault)
    message = Message(
        f"[test] Strongroom reaches {target}",
        f"{caller.person} tries whether alerts arrive. There is nothing to do.",
    )
    written = write_messages(
        session,
        [target],
        message,
        kind="test",
        priority="P2",
        alert_id=None,
        settings=settings,
        now=now,
    )
    numbers = "-".join(str(row.number) for row in written)
    idempotency.finish(session, claim, resource_id=numbers, now=now)
    return Answered(TestMessages(target, written), replayed=False)


def _of(session: Session, target: str, numbers: list[int]) -> list[AlertDelivery]:
    query = select(AlertDelivery).where(
        AlertDelivery.number.in_(numbers), AlertDelivery.target == target
    )
    return list(session.scalars(query.order_by(AlertDelivery.number)))
