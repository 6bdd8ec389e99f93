"""A person takes a match back: the line is in suspense again, its parts are open again.

What the line was received for stays received: a receipt is undone by a refund alone. It is
expected again, and is a finding until a line explains it. No run matches the line again.
"""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

import ledger
from payments import idempotency
from payments.access.caller import Caller
from payments.errors import ConflictError, NotFoundError
from payments.idempotency import Answered
from payments.reconciliation.book_lines import (
    LineState,
    lock_expectations,
    lock_lines,
    move_expectations,
    move_lines,
)
from payments.reconciliation.line_entries import post_drafts, undone_draft
from payments.reconciliation.matching.model import Part
from payments.reconciliation.open_items import UNDONE
from payments.reconciliation.tables import Match, MatchPart
from payments.reconciliation.view_match import MatchView, read_match

OPERATION = "reconciliation.undo"


def undo_match(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    match_id: str,
    reason: str,
    now: dt.datetime,
) -> Answered[MatchView]:
    """Take a match back, a run's or a person's, and say why; once per reference.

    Raises:
        NotFoundError: there is no such match.
        ConflictError: it is undone already.
        InProgressError, ReferenceReusedError.
    """
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"match_id": match_id, "reason": reason}),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(read_match(session, claim.replayed_id), replayed=True)
    match = _locked(session, match_id)
    [line] = lock_lines(session, [match.line_id]).values()
    parts = _parts(session, match_id)
    lock_expectations(session, [p.expectation_id for p in parts if p.expectation_id is not None])
    move_expectations(session, parts, sign=-1)
    [result] = post_drafts(session.connection(), [undone_draft(line, match_id, parts, now=now)])
    if isinstance(result, ledger.Refused):
        raise result.error
    match.state, match.undone_by, match.undone_at = "undone", caller.principal, now
    match.undo_reason = reason
    session.flush()
    move_lines(session, [LineState(line.id, "unmatched", "suspense", UNDONE, None)], now=now)
    idempotency.finish(session, claim, resource_id=match_id, now=now)
    return Answered(read_match(session, match_id), replayed=False)


def _locked(session: Session, match_id: str) -> Match:
    """Lock the match's line, then the match: the order of everybody who judges lines."""
    found = session.get(Match, match_id)
    if found is None:
        raise NotFoundError("There is no such match.")
    lock_lines(session, [found.line_id])
    match = session.get_one(Match, match_id, with_for_update=True, populate_existing=True)
    if match.state != "active":
        raise ConflictError("The match was undone before.", code="match_undone")
    return match


def _parts(session: Session, match_id: str) -> list[Part]:
    rows = session.scalars(select(MatchPart).where(MatchPart.match_id == match_id))
    return [Part(row.amount, row.expectation_id, row.account_path) for row in rows]
