"""One run of a sender: see what became of what it sent, then send what is due, in nonce order."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from payments.chain.bump import raised_fees
from payments.chain.follow import NONCE_TAKEN, follow
from payments.chain.gaps import close_gaps
from payments.chain.hand_in import UNDERPRICED, hand_in, sign
from payments.chain.sending import Sending, View, turn
from payments.chain.tables import ChainAttempt, ChainIntent
from payments.chain.take_nonce import list_queued, live_attempts, room_in_flight, take_nonce
from payments.database import in_transaction
from payments.log_lines import get_logger
from payments.providers.chain_port import Fees
from payments.standstill.standing import standing_still

_log = get_logger(__name__)
_Result = TypeVar("_Result")
_LOCK_NOT_AVAILABLE = "55P03"


def send(sending: Sending, *, until: dt.datetime) -> Mapping[str, int]:
    """Do all that can be done for a signer now, and begin nothing after `until`.

    Returns how much of what was done; nothing when another process is at it.

    Raises:
        OutcomeUnknownError: the chain does not answer; all that was done is kept.
        UnavailableError: the signer does not answer.
    """
    with turn(sending.engine, chain=sending.chain.name, address=sending.address) as is_mine:
        if is_mine:
            _go(sending, until)
    return dict(sending.figures)


def look(sending: Sending) -> View:
    """Return the chain as it is now.

    Raises:
        OutcomeUnknownError: it does not answer.
    """
    return View(
        head=sending.port.head(),
        final_height=sending.port.final_height(),
        nonce=sending.port.nonce(sending.address),
    )


def _go(sending: Sending, until: dt.datetime) -> None:
    if in_transaction(sending.engine, standing_still) is not None:
        sending.figures["standing_still"] += 1
        return
    try:
        _Run(sending, until).go()
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        # Somebody waits to freeze releases, or works on the same rows: the next run goes on.
        _log.warning("sending_waits", chain=sending.chain.name)
        sending.figures["waits_for_lock"] += 1


class _Run:
    """What one run has seen so far; the fees are asked for once, when they are needed."""

    def __init__(self, sending: Sending, until: dt.datetime) -> None:
        self._sending = sending
        self._until = until
        sending.port.check_contracts()  # once, and not while a transaction is open
        self._view = look(sending)
        self._fees: Fees | None = None

    def go(self) -> None:
        """See, send on, send what is new, and fill what of it was given away."""
        is_free = close_gaps(self._sending, self._view)
        is_well = follow(self._sending, self._view)
        if is_free and is_well:
            self._send_on_all()
            self._send_new()
            self._send_on_all()

    def _send_on_all(self) -> None:
        for intent_id in self._read(self._list_in_flight):
            if not self._is_over():
                self._send_on(intent_id)

    def _send_new(self) -> None:
        room = self._read(lambda session: room_in_flight(session, self._sending))
        for intent_id in self._read(lambda session: list_queued(session, self._sending)):
            if room <= 0 or self._is_over():
                break
            if take_nonce(self._sending, intent_id) == "taken":
                self._send_on(intent_id)
                room -= 1

    def _send_on(self, intent_id: str) -> None:
        """Do the next thing for an intent that has its nonce, if it is due."""
        intent, attempts = self._read(
            lambda session: (
                session.get_one(ChainIntent, intent_id),
                live_attempts(session, intent_id),
            )
        )
        if intent.state not in {"signed", "broadcast"} or intent.error == NONCE_TAKEN:
            return
        if intent.due_at > self._sending.clock():
            return
        if not attempts:
            if not sign(self._sending, intent_id, self._current_fees()):
                return
        elif self._is_stuck(intent, attempts[0]):
            self._bump(intent, attempts[0])
        hand_in(self._sending, intent_id)

    def _bump(self, intent: ChainIntent, newest: ChainAttempt) -> None:
        """Have the same transaction signed with a higher fee, as far as the policy goes."""
        fees = raised_fees(newest, self._current_fees(), self._sending.highest_fees)
        if fees is None:
            _log.warning("at_fee_limit", intent_id=intent.id, max_fee=newest.max_fee)
            self._sending.figures["at_fee_limit"] += 1
        elif sign(self._sending, intent.id, fees):
            self._sending.figures["bumped"] += 1

    def _is_stuck(self, intent: ChainIntent, newest: ChainAttempt) -> bool:
        """Whether an intent waits because it offers too little, not because of one before it."""
        if intent.state != "broadcast" or newest.broadcast_at is None:
            return False
        waited = self._sending.clock() - newest.broadcast_at
        is_next = intent.nonce == self._view.nonce
        is_late = waited >= dt.timedelta(seconds=self._sending.chain.fees.bump_after_s)
        return intent.error == UNDERPRICED or (is_next and is_late)

    def _current_fees(self) -> Fees:
        if self._fees is None:
            self._fees = self._sending.port.fees()
        return self._fees

    def _list_in_flight(self, session: Session) -> list[str]:
        wanted = select(ChainIntent.id).where(
            ChainIntent.chain == self._sending.chain.name,
            ChainIntent.signer == self._sending.address,
            ChainIntent.state.in_(["signed", "broadcast"]),
        )
        return list(session.scalars(wanted.order_by(ChainIntent.nonce)))

    def _is_over(self) -> bool:
        return self._sending.clock() >= self._until

    def _read(self, work: Callable[[Session], _Result]) -> _Result:
        return in_transaction(self._sending.engine, work)
