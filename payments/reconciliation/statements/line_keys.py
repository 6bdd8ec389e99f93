"""A line's key: the same for the same line in whatever file, another one for its equal twin.

Two equal payments of a day differ in nothing but their number. It is counted within a statement,
and goes on behind the statements that this one continues, as its opening balance shows: a later
part of the day is no copy of an earlier one.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from payments.reconciliation.statements.model import Line, Statement

_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Counted:
    """A statement, stored or of this file, with how often it has each line of its days."""

    statement_ref: str | None
    opening_balance: int | None
    closing_balance: int | None
    counts: Counter[str] = field(default_factory=Counter)


def key_lines(
    statements: Sequence[Statement], *, account: str, stored: Iterable[Counted]
) -> list[list[str]]:
    """Return the keys of each statement's lines; `stored` is of the same account and days."""
    known = list(stored)
    keys = []
    for statement in statements:
        before = _counts_before(statement, known)
        own: Counter[str] = Counter()
        found = []
        for line in statement.lines:
            stem = _stem(line, account)
            own[stem] += 1
            found.append(f"{stem}:{before[stem] + own[stem]}")
        keys.append(found)
        counts = Counter({stem: before[stem] + count for stem, count in own.items()})
        known.append(
            Counted(
                statement.statement_ref,
                statement.opening_balance,
                statement.closing_balance,
                counts,
            )
        )
    return keys


def split_key(key: str) -> tuple[str, int]:
    """Return what equal lines have in common, and the line's number among them."""
    stem, _, number = key.rpartition(":")
    return stem, int(number)


def _counts_before(statement: Statement, known: Sequence[Counted]) -> Counter[str]:
    if statement.opening_balance is None:
        before = [
            other
            for other in known
            if other.opening_balance is None
            and (other.statement_ref is None or other.statement_ref != statement.statement_ref)
        ]
    else:
        before = _continued(statement, known)
    counts: Counter[str] = Counter()
    for other in before:
        counts |= other.counts
    return counts


def _continued(statement: Statement, known: Sequence[Counted]) -> list[Counted]:
    """Return the statements that lead up to this one's opening balance, from one to the next."""
    own = (statement.opening_balance, statement.closing_balance)
    by_closing: dict[int, list[Counted]] = {}
    for other in known:
        balances = (other.opening_balance, other.closing_balance)
        if other.closing_balance is not None and balances != own and balances[0] != balances[1]:
            by_closing.setdefault(other.closing_balance, []).append(other)
    found: list[Counted] = []
    reached = [statement.opening_balance]
    while reached:
        for other in by_closing.pop(reached.pop() or 0, ()):
            found.append(other)
            reached.append(other.opening_balance)
    return found


def _stem(line: Line, account: str) -> str:
    day = line.booked_on.isoformat()
    if line.bank_ref is not None:
        return "ref:" + _digest(account, line.bank_ref, day, str(line.amount), line.currency)
    return "sum:" + _digest(
        account,
        day,
        line.value_on.isoformat(),
        str(line.amount),
        line.currency,
        _folded(line.end_to_end_id or line.text),
        _folded(line.counterparty_account or line.counterparty_name or ""),
    )


def _folded(text: str) -> str:
    return "".join(character for character in text.upper() if character.isalnum())


def _digest(*parts: str) -> str:
    return hashlib.sha256(_SEPARATOR.join(parts).encode(errors="surrogatepass")).hexdigest()
