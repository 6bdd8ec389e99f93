"""What becomes of our own transactions, told to the releases and refunds they are for."""

import datetime as dt
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.chain import intents
from payments.chain.tables import ChainIntent
from payments.escrow.tables import Escrow
from payments.lifecycle.tables import Refund
from payments.releases.tables import Release
from payments.watching import chain_refunds, chain_releases
from payments.watching.bookings import Bookings
from payments.watching.holds import open_operations

_STATUS_OF = {
    "queued": "approved",
    "signed": "signed",
    "broadcast": "broadcast",
    "mined": "mined",
    "final": "mined",  # until the effect itself is booked
}
_FAILURE = {"failed": "reverted", "canceled": "not_sent"}
_MESSAGE = {
    "reverted": "The contract refused it; the money is held as before.",
    "not_sent": "It was not sent; the money is held as before.",
}


def will_not_deploy(session: Session, escrow: Escrow) -> bool:
    """Whether the transaction that was to make an escrow's contract came to nothing."""
    intent = intents.find_for(session, kind="deploy", subject_id=escrow.id)
    return intent is not None and intent.state in _FAILURE


def follow_intents(session: Session, bookings: Bookings, *, now: dt.datetime) -> None:
    """Bring the open releases and refunds of an escrow to where their transactions are."""
    for row in open_operations(session, bookings.money):
        if isinstance(row, Release):
            _follow_release(session, bookings, row, now=now)
        else:
            _follow_refund(session, row, now=now)


def _follow_release(
    session: Session, bookings: Bookings, release: Release, *, now: dt.datetime
) -> None:
    intent = _find(session, "release", release.id)
    if intent is None:
        return
    code = _FAILURE.get(intent.state)
    if code is not None:
        chain_releases.note_failed(session, release, code=code, message=_MESSAGE[code], now=now)
    elif release.status != _STATUS_OF[intent.state]:
        release.status, release.updated_at = _STATUS_OF[intent.state], now
    else:
        return
    bookings.touched[release.id] = release


def _follow_refund(session: Session, refund: Refund, *, now: dt.datetime) -> None:
    intent = _find(session, "refund", refund.id)
    if intent is not None and intent.state in _FAILURE:
        chain_refunds.note_failed(session, refund, code=_FAILURE[intent.state], now=now)


def _find(
    session: Session, kind: Literal["release", "refund"], subject_id: str
) -> ChainIntent | None:
    found = (
        select(ChainIntent)
        .filter_by(kind=kind, subject_id=subject_id)
        .execution_options(populate_existing=True)
    )
    return session.scalars(found).one_or_none()
