"""A backend that is told of changes: its endpoints, a clock to turn, and the sender at work."""

import datetime as dt
import ipaddress
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, delete, select

from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.delivery import live_events
from payments.notices import endpoints
from payments.notices.deliveries import DeliveryView, list_deliveries
from payments.notices.fan_out import fan_out
from payments.notices.sender import Sender
from payments.notices.tables import Notice, NoticeEndpoint, NoticeSecret
from payments.outgoing.calls import OutgoingCalls
from tests.conditions import wait_until
from tests.payments.shop import CIPHER

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
SERVICE = Caller(principal="key:backend", role=Role.SERVICE)


def _start() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - receivers verify by the real clock


@dataclass
class Office:
    engine: Engine
    now: dt.datetime = field(default_factory=_start)
    answer_timeout_s: float = 1.0
    sender: Sender = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Have a process of its own send from now on, as after a restart."""
        self.sender = Sender(
            self.engine,
            cipher=CIPHER,
            calls=OutgoingCalls(private_networks=LOOPBACK, answer_timeout_s=self.answer_timeout_s),
            clock=lambda: self.now,
        )

    def later(self, **by: float) -> None:
        self.now += dt.timedelta(**by)

    def endpoint(self, url: str, *, topics: Collection[str] = ()) -> endpoints.EndpointView:
        with transaction(self.engine) as session:
            return endpoints.add_endpoint(
                session,
                caller=SERVICE,
                reference=secrets.token_hex(16),
                url=url,
                topics=topics,
                description="",
                private_networks=LOOPBACK,
                cipher=CIPHER,
                now=self.now,
            ).resource

    def change(self, *subjects: str, topic: str = "payment.updated", **data: Any) -> int:
        """Announce a change of each subject, number them and fan them out."""
        with transaction(self.engine) as session:
            for subject in subjects or ("pay_1",):
                live_events.announce(
                    session,
                    topic=topic,
                    subject_id=subject,
                    audience=(),
                    data={"id": subject, "status": "succeeded", "amount": "12500", **data},
                    now=self.now,
                )
        with transaction(self.engine) as session:
            events = live_events.number_pending(session, limit=1000)
            return fan_out(session, events, now=self.now)

    def send(self) -> int:
        """Send all that is due, wait until that has ended, and return how much it was."""
        total = 0
        while True:
            seen = self.sender.ended
            begun = self.sender.begin_due()
            if not begun:
                return total
            total += begun
            wait_until(lambda: self.sender.ended >= seen + begun)  # noqa: B023 - at once

    def deliveries(self, endpoint_id: str | None = None) -> list[DeliveryView]:
        with transaction(self.engine) as session:
            return list(list_deliveries(session, limit=100, endpoint_id=endpoint_id).data)

    def states(self, endpoint_id: str | None = None) -> list[str]:
        return [one.delivery.state for one in self.deliveries(endpoint_id)]

    def shown(self, endpoint_id: str) -> NoticeEndpoint:
        with transaction(self.engine) as session:
            return session.scalars(
                select(NoticeEndpoint).where(NoticeEndpoint.id == endpoint_id)
            ).one()

    def enable(self, endpoint_id: str, *, enabled: bool = True) -> None:
        with transaction(self.engine) as session:
            endpoints.change_endpoint(
                session, endpoint_id, private_networks=LOOPBACK, now=self.now, enabled=enabled
            )

    def clear(self) -> None:
        """Forget every endpoint, for the next test."""
        self.sender.close()
        with transaction(self.engine) as session:
            session.execute(delete(Notice))
            session.execute(delete(NoticeSecret))
            for row in session.scalars(select(NoticeEndpoint)):
                row.status, row.disabled_reason, row.disabled_at = "deleted", None, None
