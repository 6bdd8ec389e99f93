"""Books statement lines, as batches: where their matches say, or in suspense.

A transaction locks its lines, then the expectations, each in the order of their ids; what has
changed since it was matched is left for the next run.
"""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

import ledger
from ledger import Refused
from payments.identifiers import new_id
from payments.log_lines import get_logger
from payments.reconciliation.line_entries import (
    LockedLine,
    matched_draft,
    post_drafts,
    suspended_draft,
)
from payments.reconciliation.matching.model import Leftover, Match, Part

_log = get_logger(__name__)

_LOCK_LINES = text("""
    SELECT id, account, CAST(amount AS text) AS amount, currency, booked_on, state, booked
      FROM strongroom.statement_lines WHERE id = ANY(CAST(:ids AS text[]))
     ORDER BY id FOR NO KEY UPDATE
""")
_LOCK_EXPECTATIONS = text("""
    SELECT id, CAST(amount - matched_amount AS text) AS open, currency
      FROM strongroom.expectations WHERE id = ANY(CAST(:ids AS bigint[]))
     ORDER BY id FOR NO KEY UPDATE
""")
_INSERT_MATCHES = text("""
    INSERT INTO strongroom.matches
           (id, line_id, state, rule, certainty, reason, run_id, made_by, made_at)
    SELECT m.id, m.line_id, 'active', m.rule, m.certainty, m.reason, :run_id, :made_by, :now
      FROM unnest(CAST(:id AS text[]), CAST(:line_id AS text[]), CAST(:rule AS text[]),
                  CAST(:certainty AS int[]), CAST(:reason AS text[]))
           AS m (id, line_id, rule, certainty, reason)
""")
_INSERT_PARTS = text("""
    INSERT INTO strongroom.match_parts (match_id, part, expectation_id, account_path, amount)
    SELECT p.match_id, p.part, p.expectation_id, p.account_path, CAST(p.amount AS numeric)
      FROM unnest(CAST(:match_id AS text[]), CAST(:part AS int[]),
                  CAST(:expectation_id AS bigint[]), CAST(:account_path AS text[]),
                  CAST(:amount AS text[]))
           AS p (match_id, part, expectation_id, account_path, amount)
""")
_MOVE_EXPECTATIONS = text("""
    UPDATE strongroom.expectations e SET matched_amount = e.matched_amount + c.amount
      FROM (SELECT id, sum(CAST(amount AS numeric)) AS amount
              FROM unnest(CAST(:id AS bigint[]), CAST(:amount AS text[])) AS u (id, amount)
             GROUP BY id) c
     WHERE e.id = c.id
""")
_MOVE_LINES = text("""
    UPDATE strongroom.statement_lines l
       SET state = c.state, booked = c.booked, reason = c.reason,
           suggestion = CAST(c.suggestion AS jsonb), updated_at = :now
      FROM unnest(CAST(:id AS text[]), CAST(:state AS text[]), CAST(:booked AS text[]),
                  CAST(:reason AS text[]), CAST(:suggestion AS text[]))
           AS c (id, state, booked, reason, suggestion)
     WHERE l.id = c.id
       AND (l.state, l.booked, l.reason, l.suggestion) IS DISTINCT FROM
           (c.state, c.booked, c.reason, CAST(c.suggestion AS jsonb))
""")

OPEN = ("new", "unmatched")
BY_HAND = "by_hand"
DISCARD = "discarded"


class OpenAmount(NamedTuple):
    """What is still open of an expectation, signed."""

    amount: int
    currency: str


class LineState(NamedTuple):
    """Where a line stands after it was booked."""

    id: str
    state: str
    booked: str
    reason: str | None
    suggestion: str | None


def lock_lines(session: Session, ids: Iterable[str]) -> dict[str, LockedLine]:
    """Lock lines in the order of their ids, until commit."""
    rows = session.execute(_LOCK_LINES, {"ids": sorted(set(ids))})
    return {
        row.id: LockedLine(
            row.id, row.account, int(row.amount), row.currency, row.booked_on, row.state, row.booked
        )
        for row in rows
    }


def lock_expectations(session: Session, ids: Iterable[int]) -> dict[int, OpenAmount]:
    """Lock expectations in the order of their ids, until commit; return what is open of each."""
    rows = session.execute(_LOCK_EXPECTATIONS, {"ids": sorted(set(ids))})
    return {row.id: OpenAmount(int(row.open), row.currency) for row in rows}


def book_matches(
    session: Session,
    matches: Sequence[Match],
    *,
    run_id: str | None,
    made_by: str,
    now: dt.datetime,
) -> list[tuple[str, Match]]:
    """Book lines as matched; return the matches made, with their ids.

    Left out: lines that were judged meanwhile, and parts that are not open any more.
    """
    lines = lock_lines(session, (match.line_id for match in matches))
    parts = (part.expectation_id for match in matches for part in match.parts)
    expected = lock_expectations(session, (each for each in parts if each is not None))
    sound = [match for match in matches if _holds(match, lines.get(match.line_id), expected)]
    made = [(new_id("mat", now=now), match) for match in sound]
    drafts = [
        matched_draft(lines[match.line_id], match_id, match.parts, rule=match.rule, now=now)
        for match_id, match in made
    ]
    results = post_drafts(session.connection(), drafts)
    booked = [each for each, result in zip(made, results, strict=True) if _is_posted(result)]
    write_matches(session, booked, run_id=run_id, made_by=made_by, now=now)
    move_lines(session, (_matched(match) for _, match in booked), now=now)
    return booked


def book_leftovers(session: Session, leftovers: Sequence[Leftover], *, now: dt.datetime) -> int:
    """Put lines into suspense that are not booked yet, and note on all why they are unmatched.

    Returns how many went into suspense.
    """
    locked = lock_lines(session, (leftover.line_id for leftover in leftovers))
    lines = {line.id: line for line in locked.values() if line.state in OPEN}
    new = [line for line in lines.values() if line.booked == "nothing"]
    results = post_drafts(session.connection(), [suspended_draft(line) for line in new])
    refused = {line.id for line, result in zip(new, results, strict=True) if not _is_posted(result)}
    states = (
        _unmatched(leftover)
        for leftover in leftovers
        if leftover.line_id in lines and leftover.line_id not in refused
    )
    move_lines(session, states, now=now)
    return len(new) - len(refused)


def write_matches(
    session: Session,
    made: Sequence[tuple[str, Match]],
    *,
    run_id: str | None,
    made_by: str,
    now: dt.datetime,
) -> None:
    """Write matches and their parts, and take the parts off what is open."""
    if not made:
        return
    by_whom = {"run_id": run_id, "made_by": made_by, "now": now}
    rows = [(id_, m.line_id, str(m.rule), m.certainty, m.reason) for id_, m in made]
    names = ("id", "line_id", "rule", "certainty", "reason")
    session.execute(_INSERT_MATCHES, {**_arrays(names, rows), **by_whom})
    parts = [
        (match_id, number, part.expectation_id, part.account, str(part.amount))
        for match_id, match in made
        for number, part in enumerate(match.parts, start=1)
    ]
    names = ("match_id", "part", "expectation_id", "account_path", "amount")
    session.execute(_INSERT_PARTS, _arrays(names, parts))
    move_expectations(session, (part for _, match in made for part in match.parts))


def move_expectations(session: Session, parts: Iterable[Part], *, sign: int = 1) -> None:
    """Take parts off what is open of their expectations; `sign=-1` puts them back."""
    moved = [
        (part.expectation_id, str(sign * part.amount))
        for part in parts
        if part.expectation_id is not None
    ]
    if moved:
        session.execute(_MOVE_EXPECTATIONS, _arrays(("id", "amount"), moved))


def move_lines(session: Session, states: Iterable[LineState], *, now: dt.datetime) -> None:
    """Write where lines stand."""
    rows = list(states)
    if rows:
        session.execute(_MOVE_LINES, {**_arrays(LineState._fields, rows), "now": now})


def _holds(match: Match, line: LockedLine | None, expected: dict[int, OpenAmount]) -> bool:
    """Whether a match is still true; then its parts are not open for the next one any more."""
    if line is None or line.state not in OPEN:
        return False
    if sum(part.amount for part in match.parts) != line.amount:
        return False
    left: dict[int, OpenAmount] = {}
    for part in match.parts:
        if part.expectation_id is None:
            continue
        is_open = left.get(part.expectation_id) or expected.get(part.expectation_id)
        if is_open is None or is_open.currency != line.currency or not _fits(part, is_open):
            return False
        left[part.expectation_id] = is_open._replace(amount=is_open.amount - part.amount)
    expected.update(left)
    return True


def _fits(part: Part, is_open: OpenAmount) -> bool:
    """Whether a part is of the sign of what is open, and no more than it."""
    return part.amount * is_open.amount > 0 and abs(part.amount) <= abs(is_open.amount)


def _is_posted(result: ledger.Result) -> bool:
    if isinstance(result, Refused):
        _log.error("statement_line_not_booked", reason=result.reason_code, detail=result.detail)
        return False
    return True


def _matched(match: Match) -> LineState:
    state = "discarded" if match.rule == DISCARD else "matched"
    return LineState(match.line_id, state, "matched", None, None)


def _unmatched(leftover: Leftover) -> LineState:
    told = leftover.suggestion
    suggestion = None if told is None else json.dumps(told._asdict())
    return LineState(leftover.line_id, "unmatched", "suspense", str(leftover.reason), suggestion)


def _arrays(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    """Turn rows into one array a column."""
    columns = zip(*rows, strict=True)
    return dict(zip(names, map(list, columns), strict=True))
