"""What a statement line becomes in the ledger: pure, but for the accounts that it opens.

A line is booked once: the bank's account against what explains the line, or against suspense.
What explains it later is an entry of its own, out of suspense; so is taking that back.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

import ledger
from ledger import AccountSpec, Entry, Posting
from payments.accounting.chart_of_accounts import bank_clearing
from payments.accounting.entries import Line, open_moment
from payments.reconciliation.accounts import bank_account, place, suspense
from payments.reconciliation.matching.model import Part


class LockedLine(NamedTuple):
    """A line that nobody else judges now; `amount` in minor units, positive came in."""

    id: str
    account: str
    amount: int
    currency: str
    booked_on: dt.date
    state: str
    booked: str

    @property
    def booked_at(self) -> dt.datetime:
        """The moment its entry bears: statements know days, which begin at midnight in UTC."""
        return start_of(self.booked_on)


class Draft(NamedTuple):
    """An entry in the making."""

    effect_key: str
    kind: str
    occurred_at: dt.datetime
    lines: tuple[Line, ...]
    description: str
    metadata: Mapping[str, str]


def start_of(day: dt.date) -> dt.datetime:
    """Return the first moment of a day in UTC."""
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def matched_draft(
    line: LockedLine, match_id: str, parts: Iterable[Part], *, rule: str, now: dt.datetime
) -> Draft:
    """Return the entry that puts a line where its parts belong: from nowhere, or from suspense."""
    metadata = {"line_id": line.id, "match_id": match_id, "rule": rule}
    targets = [(spec, -amount) for spec, amount in targets_of(parts, line.currency)]
    if line.booked == "nothing":
        return _booked(line, targets, "Statement line, explained", metadata)
    return Draft(
        f"{match_id}:matched",
        "statement.match",
        now,
        ((suspense(line.currency), line.amount), *targets),
        "Statement line explained later",
        metadata,
    )


def suspended_draft(line: LockedLine) -> Draft:
    """Return the entry of a line that nothing explains yet."""
    targets = [(suspense(line.currency), -line.amount)]
    return _booked(line, targets, "Statement line that nothing explains yet", {"line_id": line.id})


def undone_draft(
    line: LockedLine, match_id: str, parts: Iterable[Part], *, now: dt.datetime
) -> Draft:
    """Return the entry that takes a match back: its parts are open again, the line in suspense."""
    return Draft(
        f"{match_id}:undone",
        "statement.undo",
        now,
        ((suspense(line.currency), -line.amount), *targets_of(parts, line.currency)),
        "What explained a statement line is taken back",
        {"line_id": line.id, "match_id": match_id},
    )


def post_drafts(connection: Connection, drafts: Sequence[Draft]) -> list[ledger.Result]:
    """Post entries as one batch; answers in the same order. Those of closed books come later."""
    if not drafts:
        return []
    specs = dict.fromkeys(spec for draft in drafts for spec, _ in draft.lines)
    accounts = ledger.open_accounts(connection, list(specs))
    first_open = open_moment(connection, min(draft.occurred_at for draft in drafts))
    return ledger.post_batch(
        connection,
        [
            Entry(
                effect_key=draft.effect_key,
                kind=draft.kind,
                occurred_at=max(draft.occurred_at, first_open),
                postings=[
                    Posting(accounts[spec.path, spec.asset], change)
                    for spec, change in draft.lines
                    if change
                ],
                description=draft.description,
                metadata=draft.metadata,
            )
            for draft in drafts
        ],
    )


def targets_of(parts: Iterable[Part], currency: str) -> list[tuple[AccountSpec, int]]:
    """Return the accounts that the parts belong to, each once with its sum."""
    sums: dict[AccountSpec, int] = {}
    for part in parts:
        spec = bank_clearing(currency) if part.account is None else place(part.account, currency)
        sums[spec] = sums.get(spec, 0) + part.amount
    return list(sums.items())


def _booked(
    line: LockedLine, targets: Sequence[Line], description: str, metadata: Mapping[str, str]
) -> Draft:
    return Draft(
        f"{line.id}:booked",
        "statement",
        line.booked_at,
        ((bank_account(line.account, line.currency), line.amount), *targets),
        description,
        {**metadata, "booked_on": line.booked_on.isoformat()},
    )
