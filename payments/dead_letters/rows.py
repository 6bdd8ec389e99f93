"""Where dead letters of each kind lie, and when a row is one: dead, or discarded after it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute

from payments.dead_letters.letters import EVENT, JOB, NOTICE
from payments.delivery.tables import OutboxRow
from payments.notices.tables import NoticeDelivery, NoticeEndpoint
from payments.webhooks.tables import InboxEvent

_DELETED = select(NoticeEndpoint.id).where(NoticeEndpoint.status == "deleted")


@dataclass(frozen=True)
class Rows:
    """A kind's table; `number` is what its ids name, `is_dead` whether somebody gave up or not."""

    table: type[Any]
    number: InstrumentedAttribute[int]
    is_dead: ColumnElement[bool]
    discard_id: InstrumentedAttribute[str | None]

    def dead(self, *, discarded: bool | None) -> ColumnElement[bool]:
        """Return the condition that a row is dead and discarded, or not; None: either."""
        if discarded is None:
            return self.is_dead
        return self.is_dead & (self.discard_id.is_not(None) if discarded else self.is_open)

    @property
    def is_open(self) -> ColumnElement[bool]:
        """Nobody has given it up."""
        return self.discard_id.is_(None)


# As literals: PostgreSQL cannot match a prepared statement's parameter to a partial index.
ROWS: Mapping[str, Rows] = {
    EVENT: Rows(
        InboxEvent,
        InboxEvent.id,
        InboxEvent.state == literal_column("'dead'"),
        InboxEvent.discard_id,
    ),
    JOB: Rows(
        OutboxRow,
        OutboxRow.id,
        OutboxRow.state == literal_column("'dead'"),
        OutboxRow.discard_id,
    ),
    NOTICE: Rows(
        NoticeDelivery,
        NoticeDelivery.number,
        (NoticeDelivery.state == literal_column("'failed'"))
        & NoticeDelivery.endpoint_id.not_in(_DELETED),
        NoticeDelivery.discard_id,
    ),
}
