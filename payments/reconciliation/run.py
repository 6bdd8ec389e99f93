"""A reconciliation run: what statements say is brought together with what our books expect.

Only what is new or still open is looked at, every step is a transaction of its own, and each may
be done again: a run that is broken off anywhere is simply made again.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from payments import crash_points
from payments.errors import ConflictError, StrongroomError
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.log_lines import get_logger
from payments.providers.connect import Providers
from payments.providers.outcome import OutcomeUnknownError
from payments.reconciliation.book_lines import book_leftovers, book_matches
from payments.reconciliation.check_books import check_books
from payments.reconciliation.matching.match import match_lines
from payments.reconciliation.matching.model import Leftover, Match, Policy
from payments.reconciliation.open_items import open_expectations, open_lines
from payments.reconciliation.opening_balances import book_openings
from payments.reconciliation.progress import Figures, PausedError, Progress
from payments.reconciliation.read_expectations import read_expectations
from payments.reconciliation.receive_lines import (
    BATCH,
    find_candidates,
    receive,
    to_ask,
)

CHUNK = 2_500
MOST_ASKED = 200
"""Payments that a provider is asked about in one run; the others' lines wait for the next."""

_Item = TypeVar("_Item")

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a run works with."""

    engine: Engine
    providers: Providers
    clock: Callable[[], dt.datetime]


def reconcile(means: Means, run_id: str, *, until: dt.datetime) -> Figures | None:
    """Make a run, or go on with it; None when its time was over before it was done.

    The caller has the turn (`progress.turn`). What goes wrong fails the run and is raised, but
    for a database that is away: then it stays as it is, to be taken up again.
    """
    progress = Progress(means.engine, run_id, clock=means.clock, until=until)
    if not progress.begin():
        return {}
    try:
        _take_in(means, progress)
        progress.enter("checking")
        check_books(means.engine, providers=means.providers, progress=progress)
        return progress.end()
    except PausedError:
        return None
    except OperationalError:
        raise
    except Exception as error:
        told = error.detail if isinstance(error, StrongroomError) else type(error).__name__
        progress.end(error=told)
        raise


def _take_in(means: Means, progress: Progress) -> None:
    """Read, match and book: afterwards every line is where it belongs, or in suspense."""
    progress.enter("reading")
    progress.note({"expectations_read": read_expectations(means.engine, now=progress.now())})
    silent = _ask_providers(means, progress)
    progress.step(book_openings)
    reasons = _receive_all(means, progress, silent)
    progress.enter("matching")
    matched = match_lines(
        open_lines(means.engine),
        open_expectations(means.engine),
        Policy(date_window_days=progress.date_window_days),
    )
    progress.enter("booking", steps=len(matched.matches) + len(matched.leftovers))
    for chunk in _chunks(matched.matches):
        progress.step(_booking(chunk, progress), steps=len(chunk))
        crash_points.reach("reconciliation:booked")
    reasons |= _receive_all(means, progress, silent)
    left = [reasons.get(each.line_id, each) for each in matched.leftovers]
    for leftovers in _chunks(left):
        progress.step(_suspending(leftovers, progress), steps=len(leftovers))


def _ask_providers(means: Means, progress: Progress) -> set[str]:
    """Ask about payments that lines quote before we take their money for a payer's transfer.

    Returns the payments whose provider did not answer.
    """
    silent: set[str] = set()
    asked: set[str] = set()
    for candidate in to_ask(means.engine):
        bank = means.providers.banks.get(candidate.provider)
        if bank is None or candidate.payment_id in asked:
            continue
        asked.add(candidate.payment_id)
        if len(asked) > MOST_ASKED:
            silent.add(candidate.payment_id)
            continue
        try:
            facts = bank.get_status(candidate.provider_ref or "", seen_at=progress.now())
        except (OutcomeUnknownError, ConflictError) as error:
            silent.add(candidate.payment_id)
            _log.warning(
                "payment_not_looked_up", payment_id=candidate.payment_id, error=error.detail
            )
            continue
        progress.step(_recording([SourcedFact(fact, progress.cause) for fact in facts], progress))
    return silent


def _recording(
    facts: Sequence[SourcedFact], progress: Progress
) -> Callable[[Session], Mapping[str, int]]:
    def record(session: Session) -> Mapping[str, int]:
        record_facts(session, facts, now=progress.now())
        return {"payments_looked_up": 1}

    return record


def _receive_all(means: Means, progress: Progress, silent: set[str]) -> dict[str, Leftover]:
    """Take in what lines bring for payments; return why the others stay unmatched."""
    with means.engine.connect() as connection:
        ids = [candidate.line_id for candidate in find_candidates(connection)]
    reasons: dict[str, Leftover] = {}
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]

        def take(session: Session, batch: Sequence[str] = batch) -> Mapping[str, int]:
            received = receive(
                session,
                batch,
                silent=silent,
                run_id=progress.run_id,
                made_by=_made_by(progress),
                now=progress.now(),
            )
            reasons.update(received.reasons)
            return {"lines_received": len(received.matched)}

        progress.step(take)
    return reasons


def _booking(
    matches: Sequence[Match], progress: Progress
) -> Callable[[Session], Mapping[str, int]]:
    def book(session: Session) -> Mapping[str, int]:
        made = book_matches(
            session,
            matches,
            run_id=progress.run_id,
            made_by=_made_by(progress),
            now=progress.now(),
        )
        rules = Counter(f"by_{match.rule}" for _, match in made)
        return {"lines_matched": len(made), **rules}

    return book


def _suspending(
    leftovers: Sequence[Leftover], progress: Progress
) -> Callable[[Session], Mapping[str, int]]:
    return lambda session: {
        "lines_suspended": book_leftovers(session, leftovers, now=progress.now())
    }


def _made_by(progress: Progress) -> str:
    return f"run:{progress.run_id}"


def _chunks(items: Sequence[_Item]) -> list[Sequence[_Item]]:
    return [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
