"""Reads new balance transactions from Stripe and books them, so that our books follow theirs.

The list is told newest first. It is walked down page by page to where the last walk began, and a
little further, since a transaction may show up later than it says it was made.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from payments import crash_points
from payments.database import in_transaction, transaction
from payments.providers.stripe import balance
from payments.providers.stripe.balance import BalanceTransaction, Page
from payments.providers.stripe.client import StripeClient
from payments.settlement.book_transactions import book_stored, settle_available
from payments.settlement.match_principals import ask_for_missing, match_principals
from payments.settlement.store_payouts import store_payouts
from payments.settlement.store_transactions import PROVIDER, store_transactions
from payments.settlement.tables import BalanceCursor

OVERLAP = dt.timedelta(minutes=10)
PAGES = 20
BATCH = 500
_NOTHING = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Cursor:
    """Where the reading stands; see `BalanceCursor`."""

    synced_to: dt.datetime | None
    walk_top: dt.datetime | None = None
    walk_after: str | None = None

    @property
    def since(self) -> dt.datetime | None:
        """Return how far down the list is read; None: to its end."""
        return None if self.synced_to is None else self.synced_to - OVERLAP

    def after_page(self, page: Page) -> "Cursor":
        """Return where the reading stands once a page is stored."""
        newest = max((found.occurred_at for found in page.transactions), default=_NOTHING)
        top = max(self.walk_top or _NOTHING, newest)
        if page.has_more and page.transactions:
            return Cursor(self.synced_to, top, page.transactions[-1].id)
        synced_to = max(self.synced_to or _NOTHING, top)
        return Cursor(None if synced_to == _NOTHING else synced_to)


@dataclass(frozen=True, kw_only=True)
class Synced:
    """What a sync did, in transactions; `is_complete`: it came to the end of the list."""

    stored: int
    booked: int
    settled: int
    matched: int
    asked_for: int
    is_complete: bool


def sync_balance(engine: Engine, *, stripe: StripeClient, now: dt.datetime) -> Synced:
    """Read what is new, at most twenty pages, book it, and join it with the payments' entries.

    What is available already is settled at once; `settle_available` does the rest on its day. No
    transaction is open while Stripe is asked. It may run twice at once.

    Raises:
        UnavailableError: Stripe did not answer; what was read until then is booked.
        ConflictError: Stripe refused the question.
    """
    stored, booked, complete = 0, 0, False
    for _ in range(PAGES):
        cursor = read_cursor(engine)
        page = balance.list_transactions(stripe, since=cursor.since, after=cursor.walk_after)
        crash_points.reach("settlement.called")
        new, sound = _keep(engine, page, cursor, now=now)
        stored, booked = stored + new, booked + sound
        crash_points.reach("settlement.recorded")
        if not page.has_more:
            complete = True
            break
    return _finish(engine, stored=stored, booked=booked, is_complete=complete, now=now)


def read_cursor(engine: Engine) -> Cursor:
    """Return where the reading stands."""
    with transaction(engine) as session:
        row = session.get_one(BalanceCursor, PROVIDER)
        return Cursor(row.synced_to, row.walk_top, row.walk_after)


def _keep(engine: Engine, page: Page, cursor: Cursor, *, now: dt.datetime) -> tuple[int, int]:
    """Store and book a page, and note how far it reaches, in one transaction."""

    def work(session: Session) -> tuple[int, int]:
        stored = _store(session, page.transactions, now=now)
        booked = book_stored(session, limit=BATCH)
        _advance(session, cursor, cursor.after_page(page))
        return stored, booked

    return in_transaction(engine, work)


def _store(session: Session, found: Sequence[BalanceTransaction], *, now: dt.datetime) -> int:
    store_payouts(session, [each.payout for each in found if each.payout], now=now)
    return store_transactions(session, found, now=now)


def _advance(session: Session, read: Cursor, reached: Cursor) -> None:
    """Move the cursor, unless another sync has moved it meanwhile: then that one goes on."""
    row = BalanceCursor
    held = select(row).where(row.provider == PROVIDER).with_for_update()
    standing = session.scalars(held).one()
    if Cursor(standing.synced_to, standing.walk_top, standing.walk_after) != read:
        return
    session.execute(
        update(row)
        .where(row.provider == PROVIDER)
        .values(
            synced_to=reached.synced_to,
            walk_top=reached.walk_top,
            walk_after=reached.walk_after,
        )
    )


def _finish(
    engine: Engine, *, stored: int, booked: int, is_complete: bool, now: dt.datetime
) -> Synced:
    settled = _in_batches(engine, lambda session: settle_available(session, limit=BATCH, now=now))
    matched = _in_batches(engine, lambda session: match_principals(session, limit=BATCH))
    asked_for = in_transaction(
        engine, lambda session: ask_for_missing(session, limit=BATCH, now=now)
    )
    return Synced(
        stored=stored,
        booked=booked,
        settled=settled,
        matched=matched,
        asked_for=len(asked_for),
        is_complete=is_complete,
    )


def _in_batches(engine: Engine, work: Callable[[Session], int]) -> int:
    """Do some work until a batch is not full, as often as there are pages, and return how much."""
    total = 0
    for _ in range(PAGES):
        done = in_transaction(engine, work)
        total += done
        if done < BATCH:
            break
    return total
