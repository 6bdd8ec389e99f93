"""Books what is final on an escrow's contract, and undoes what was booked and is not any more."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from payments.accounting.chain_entries import ChainMoney, book_deposit, undo
from payments.escrow.tables import Escrow, EscrowEffect
from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.tables import Refund
from payments.releases.tables import Release
from payments.watching import chain_refunds, chain_releases
from payments.watching.effects import MONEY
from payments.watching.holds import lose_all


class Bookings:
    """The bookings of one escrow, whose payment and row are locked; `touched` releases changed."""

    def __init__(
        self, session: Session, payment: LockedPayment, escrow: Escrow, *, now: dt.datetime
    ) -> None:
        self._session = session
        self._payment = payment
        self._escrow = escrow
        self._now = now
        self.touched: dict[str, Release] = {}
        self.money = ChainMoney(
            escrow_id=escrow.id,
            payment_id=escrow.payment_id,
            order_id=escrow.order_id,
            chain=escrow.chain,
            contract=escrow.contract_address,
            asset=escrow.asset,
        )

    def undo_what_is_gone(self, effects: Sequence[EscrowEffect]) -> int:
        """Reverse the bookings of what is not final any more, newest first; return how many.

        Raises:
            LedgerError: the ledger refused it; run it in a savepoint.
        """
        gone = [e for e in effects if e.entry_id is not None and e.state != "final"]
        for effect in sorted(gone, key=_entry, reverse=True):
            if effect.kind == "deposited":
                lose_all(self._session, self.money, now=self._now)
            undo(self._session.connection(), _entry(effect), now=self._now)
            self._note_undone(effect)
            effect.entry_id, effect.subject_id, effect.updated_at = None, None, self._now
            self._session.flush()
        return len(gone)

    def book_what_is_final(self, effects: Sequence[EscrowEffect], *, final_to: int) -> int:
        """Book what is now final, in the order of the chain; return how many effects are.

        Raises:
            LedgerError: the ledger refused it; run it in a savepoint.
        """
        due = [e for e in effects if e.state == "seen" and e.block_number <= final_to]
        for effect in sorted(due, key=lambda e: (e.block_number, e.log_index)):
            if effect.kind in MONEY and effect.entry_id is None:
                effect.entry_id = self._book(effect)
                effect.bookings += 1
            effect.state, effect.updated_at = "final", self._now
            self._session.flush()
        return len(due)

    def _book(self, effect: EscrowEffect) -> int:
        session, now = self._session, self._now
        if effect.kind == "deposited":
            effect.subject_id = self._escrow.payment_id
            return book_deposit(
                session.connection(),
                self.money,
                amount=effect.amount,
                number=effect.bookings + 1,
                occurred_at=effect.block_at,
            )
        if effect.kind == "released":
            release = chain_releases.release_of(session, self._escrow, effect, now=now)
            effect.subject_id = release.id
            self.touched[release.id] = release
            return chain_releases.book(session, self.money, release, effect, now=now)
        refund = chain_refunds.refund_of(session, self._payment, self._escrow, effect, now=now)
        effect.subject_id = refund.id
        return chain_refunds.book(session, self.money, refund, effect, now=now)

    def _note_undone(self, effect: EscrowEffect) -> None:
        if effect.kind == "deposited" or effect.subject_id is None:
            return
        if effect.kind == "released":
            release = self._session.get_one(Release, effect.subject_id)
            chain_releases.note_undone(release, now=self._now)
            self.touched[release.id] = release
        else:
            refund = self._session.get_one(Refund, effect.subject_id)
            chain_refunds.note_undone(refund, now=self._now)


def _entry(effect: EscrowEffect) -> int:
    if effect.entry_id is None:
        raise ValueError(f"{effect.key} is not booked")
    return effect.entry_id
