"""Pays sellers what is due: sends what is queued, and finds out what became of what was sent.

A payout whose call got no answer is looked for at its provider. If it is not there it is asked for
once more under the same key, as long as keys are remembered; after that it counts as not made.
One that its provider does not answer for does not keep the others waiting.
"""

import datetime as dt
from collections import Counter

from sqlalchemy import Engine, or_, select
from sqlalchemy.orm import Session, aliased

from payments.crash_points import reach
from payments.database import in_transaction, transaction
from payments.errors import ConflictError, StrongroomError
from payments.freezes.covering import covering
from payments.freezes.releases_lock import holding_releases_lock
from payments.log_lines import get_logger
from payments.payouts.make_payout import (
    Begun,
    begin_attempt,
    begun_of,
    latest_to_ask,
    leave_unknown,
    lock_due,
    make_attempt,
    note_refused,
    note_seen,
)
from payments.payouts.payout_port import payout_port
from payments.payouts.queue_payout import queue_or_wait
from payments.payouts.tables import PayoutDestination, SellerPayout
from payments.payouts.when_to_ask import FIRST_LOOK, when_paid, when_pending
from payments.privacy.encryption import DecryptionError, FieldCipher
from payments.providers.connect import Providers
from payments.providers.outcome import OutcomeUnknownError

KEYS_REMEMBERED = dt.timedelta(hours=23)
"""Providers remember idempotency keys for 24 hours at least."""

_log = get_logger(__name__)


def pay_sellers(
    engine: Engine, *, providers: Providers, cipher: FieldCipher, now: dt.datetime, limit: int
) -> dict[str, int]:
    """Do what is due about up to `limit` payouts; return how many ended how.

    It may run twice at once: each payout is taken by one run, and sent under one key.
    """
    found = in_transaction(engine, lambda session: _wake_waiting(session, limit=limit, now=now))
    with transaction(engine) as session:
        due = session.execute(
            select(SellerPayout.id, SellerPayout.status)
            .where(SellerPayout.due_at <= now)
            .order_by(SellerPayout.due_at, SellerPayout.id)
            .limit(limit)
        ).all()
    run = _Run(engine, providers, cipher, now)
    counts = Counter({"due": len(due), "found_destination": found})
    for payout_id, status in due:
        try:
            done = run.send(payout_id) if status == "queued" else run.look(payout_id)
        except DecryptionError as error:  # a person must look; the others are paid
            _log.error("payout_destination_unreadable", payout_id=payout_id, error=str(error))
            done = "unreadable"
        counts[done] += 1
    return dict(counts)


def _wake_waiting(session: Session, *, limit: int, now: dt.datetime) -> int:
    """Queue payouts whose seller has somewhere to be paid by now."""
    there = aliased(PayoutDestination)
    is_stripe = SellerPayout.provider == "stripe"
    somewhere = (
        select(there.id)
        .where(
            there.party_id == SellerPayout.seller_id,
            there.status == "approved",
            there.active_from <= now,
            or_(
                is_stripe & (there.kind == "stripe"),
                ~is_stripe & (there.kind == "bank") & (there.currency == SellerPayout.currency),
            ),
        )
        .exists()
    )
    waiting = session.scalars(
        select(SellerPayout)
        .where(SellerPayout.status == "waiting", somewhere)
        .order_by(SellerPayout.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=SellerPayout)
    ).all()
    for payout in waiting:
        queue_or_wait(session, payout, now=now)
    return len(waiting)


class _Run:
    def __init__(
        self, engine: Engine, providers: Providers, cipher: FieldCipher, now: dt.datetime
    ) -> None:
        self._engine = engine
        self._providers = providers
        self._cipher = cipher
        self._now = now

    def send(self, payout_id: str) -> str:
        """Make an attempt at a payout that is queued."""
        begun = in_transaction(
            self._engine,
            lambda session: begin_attempt(session, payout_id, cipher=self._cipher, now=self._now),
        )
        if begun is None:
            return "taken"
        reach("payout.intent_committed")
        return self._made(begun)

    def look(self, payout_id: str) -> str:
        """Find out what became of an attempt that was made, perhaps made, or paid."""
        looked = in_transaction(self._engine, lambda session: self._take(session, payout_id))
        if looked is None:
            return "taken"
        begun, payout_ref = looked
        if payout_ref is not None:
            return self._ask(begun, payout_ref)
        return self._resolve(begun)

    def _take(self, session: Session, payout_id: str) -> tuple[Begun, str | None] | None:
        """Put off the next look, so that no other worker looks meanwhile."""
        payout = lock_due(session, payout_id, now=self._now)
        if payout is None or payout.status in ("waiting", "queued"):
            return None
        asked = latest_to_ask(session, payout)
        if asked is None:
            payout.due_at = None
            return None
        payout.due_at = self._now + FIRST_LOOK
        if payout.status == "paid":
            payout.due_at = when_paid(payout.provider, asked.created_at, now=self._now)
        elif payout.status == "failed":
            payout.due_at = None
        elif asked.provider_ref is not None:
            payout.due_at = when_pending(asked.created_at, now=self._now)
        begun = begun_of(session, payout, asked, cipher=self._cipher, now=self._now)
        return begun, asked.provider_ref

    def _ask(self, begun: Begun, payout_ref: str) -> str:
        try:
            told = payout_port(self._providers, begun.provider).get_payout(payout_ref)
        except StrongroomError as error:
            _log.warning("payout_not_seen", payout_id=begun.request.payout_id, error=error.detail)
            return "not_seen"
        note_seen(self._engine, begun, told, now=self._now)
        return "seen"

    def _resolve(self, begun: Begun) -> str:
        request = begun.request
        try:
            told = payout_port(self._providers, begun.provider).find_payout(request)
        except ConflictError:  # it will not be asked: then it says no when asked to pay, too
            told = None
        except OutcomeUnknownError as error:
            _log.warning("payout_not_seen", payout_id=request.payout_id, error=error.detail)
            leave_unknown(self._engine, begun, now=self._now)
            return "still_unknown"
        if told is not None:
            note_seen(self._engine, begun, told, now=self._now)
            return "seen"
        if self._now - request.began_at < KEYS_REMEMBERED:
            return self._made(begun)
        lost = ConflictError("The provider never heard of it.", code="never_arrived")
        note_refused(self._engine, begun, error=lost, now=self._now)
        return "failed"

    def _made(self, begun: Begun) -> str:
        """Have an attempt made, unless it is frozen by now: meanwhile no freeze is answered."""
        order_id = begun.request.order_id
        with self._engine.connect() as connection, holding_releases_lock(connection):
            if in_transaction(self._engine, lambda session: covering(session, order_id)):
                leave_unknown(self._engine, begun, now=self._now)
                return "frozen"
            known = make_attempt(self._engine, begun, providers=self._providers, now=self._now)
        return "sent" if known else "still_unknown"
