"""How a line was explained, as the API shows it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.errors import InvalidRequestError
from payments.reconciliation.tables import Expectation, Match, MatchPart

EXPECTATION_PREFIX = "exp_"


@dataclass(frozen=True, kw_only=True)
class PartView:
    """A part of a line, in signed minor units: for an expectation, or for an account."""

    amount: int
    expectation_id: str | None
    account: str | None


@dataclass(frozen=True, kw_only=True)
class MatchView:
    """A match, `active` or `undone`; `certainty` from 0 to 100."""

    id: str
    line_id: str
    state: str
    rule: str
    certainty: int
    reason: str
    run_id: str | None
    parts: tuple[PartView, ...]
    made_by: str
    made_at: dt.datetime
    undone_by: str | None
    undone_at: dt.datetime | None
    undo_reason: str | None


def read_match(session: Session, match_id: str) -> MatchView:
    """Return a match that is there."""
    return _views(session, [session.get_one(Match, match_id, populate_existing=True)])[0]


def list_matches(
    session: Session, *, line_id: str | None = None, payment_id: str | None = None
) -> list[MatchView]:
    """Return all that a line, or what is expected of a payment, was matched with, oldest first.

    Raises:
        InvalidRequestError: not exactly one of the two is named.
    """
    if (line_id is None) == (payment_id is None):
        fault = "Name a line_id or a payment_id: one of them."
        raise InvalidRequestError("The query is not valid.", errors={"line_id": [fault]})
    of_payment = (
        select(MatchPart.match_id)
        .join(Expectation, Expectation.id == MatchPart.expectation_id)
        .where(Expectation.payment_id == payment_id)
    )
    wanted = Match.id.in_(of_payment) if line_id is None else Match.line_id == line_id
    return _views(session, session.scalars(select(Match).where(wanted).order_by(Match.id)).all())


def expectation_name(expectation_id: int) -> str:
    """Return the id of an expectation as callers see it."""
    return f"{EXPECTATION_PREFIX}{expectation_id}"


def expectation_number(name: str) -> int | None:
    """Return the number in the id of an expectation; None when it is no such id."""
    digits = name.removeprefix(EXPECTATION_PREFIX)
    is_one = name.startswith(EXPECTATION_PREFIX) and digits.isascii() and digits.isdecimal()
    return int(digits) if is_one and len(digits) <= 18 else None  # noqa: PLR2004 - of a bigint


def _views(session: Session, matches: Sequence[Match]) -> list[MatchView]:
    found = select(MatchPart).where(MatchPart.match_id.in_([match.id for match in matches]))
    parts: dict[str, list[PartView]] = {}
    for part in session.scalars(found.order_by(MatchPart.match_id, MatchPart.part)):
        name = None if part.expectation_id is None else expectation_name(part.expectation_id)
        view = PartView(amount=part.amount, expectation_id=name, account=part.account_path)
        parts.setdefault(part.match_id, []).append(view)
    return [
        MatchView(
            id=match.id,
            line_id=match.line_id,
            state=match.state,
            rule=match.rule,
            certainty=match.certainty,
            reason=match.reason,
            run_id=match.run_id,
            parts=tuple(parts.get(match.id, ())),
            made_by=match.made_by,
            made_at=match.made_at,
            undone_by=match.undone_by,
            undone_at=match.undone_at,
            undo_reason=match.undo_reason,
        )
        for match in matches
    ]
