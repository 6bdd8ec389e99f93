"""Lists what was sent where and how it went, and sends a notice that only tests the way."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.errors import ConflictError, InvalidRequestError
from payments.identifiers import new_id
from payments.notices.compose import compose
from payments.notices.endpoints import locked_endpoint
from payments.notices.tables import Notice, NoticeDelivery
from payments.notices.topics import TEST_TYPE
from payments.notices.wake_up import wake_up
from payments.pages import Page, page_of

STATES = ("waiting", "delivered", "failed")
_ID_PREFIX = "ndl_"


@dataclass(frozen=True)
class DeliveryView:
    """A notice to an endpoint; `next_attempt_at` is None once it is over."""

    delivery: NoticeDelivery
    type: str

    @property
    def id(self) -> str:
        """Our id of it."""
        return f"{_ID_PREFIX}{self.delivery.number}"

    @property
    def next_attempt_at(self) -> dt.datetime | None:
        """When it is sent, or sent again."""
        return self.delivery.due_at if self.delivery.state == "waiting" else None


def list_deliveries(
    session: Session,
    *,
    limit: int,
    endpoint_id: str | None = None,
    state: str | None = None,
    after: str | None = None,
) -> Page[DeliveryView]:
    """Return a page of deliveries.

    Raises:
        InvalidRequestError: `after` is not the `next` of a page.
    """
    query = select(NoticeDelivery, Notice.type).join(Notice, Notice.id == NoticeDelivery.notice_id)
    if endpoint_id is not None:
        query = query.where(NoticeDelivery.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(NoticeDelivery.state == state)
    if after is not None:
        query = query.where(NoticeDelivery.number < _number_of(after))
    rows = session.execute(query.order_by(NoticeDelivery.number.desc()).limit(limit + 1)).all()
    return page_of([DeliveryView(delivery, type_) for delivery, type_ in rows], limit=limit)


def send_test(session: Session, endpoint_id: str, *, now: dt.datetime) -> DeliveryView:
    """Send one endpoint a notice that says nothing, and return its delivery.

    Raises:
        NotFoundError: there is no such endpoint.
        ConflictError: it is disabled.
    """
    endpoint = locked_endpoint(session, endpoint_id)
    if endpoint.status != "enabled":
        raise ConflictError("The endpoint is disabled; enable it first.")
    notice = Notice(
        id=new_id("ntc", now=now),
        type=TEST_TYPE,
        body=compose(type_=TEST_TYPE, occurred_at=now, data={"endpoint_id": endpoint_id}),
        created_at=now,
    )
    session.add(notice)
    session.flush()
    delivery = NoticeDelivery(
        notice_id=notice.id,
        endpoint_id=endpoint_id,
        state="waiting",
        attempts=0,
        due_at=now,
        created_at=now,
    )
    session.add(delivery)
    session.flush()
    wake_up(session, now=now)
    return DeliveryView(delivery, notice.type)


def _number_of(after: str) -> int:
    digits = after.removeprefix(_ID_PREFIX)
    if digits == after or not digits.isdecimal() or len(digits) > 18:  # noqa: PLR2004 - a bigint
        raise InvalidRequestError(
            "There is no such page.", errors={"after": ["Use the `next` of the page before."]}
        )
    return int(digits)
