"""Which accounts people may post to by hand, and which entries they may reverse.

What an account says must agree with rows that other parts of Strongroom keep: orders, payouts,
statement lines, contracts. An account is closed to people where an invariant ties it to such rows,
for an entry by hand would break the one without touching the others; each has a door of its own.
Closed is, too, what a report computes and calls by such a name.
"""

import re

from ledger import AccountSpec

MANUAL = "manual"
"""The kind of journal entries made by hand; a mirror of one the ledger calls `manual.reversed`."""

OPEN = {
    "assets:accrued": "earned and not received yet",
    "assets:chain:operator": "coin put with an operator for gas, or taken from it",
    "assets:prepaid": "paid for what is yet to come",
    "assets:stripe": "what Stripe holds: `strongroom stripe balance` compares it",
    "assets:suspense:discarded": "lines that were set aside: write off what is certain",
    "assets:transfers": "on its way between accounts of our own",
    "liabilities:accrued": "owed and not billed yet",
    "liabilities:deferred": "received for what is yet to be earned",
    "liabilities:loans": "borrowed",
    "liabilities:tax": "owed to the tax office",
    "equity": "any, such as `equity:adjustments`",
    "income": "any",
    "expenses": "any",
}
"""Open to people, with all below; new accounts may be opened there."""

CLOSED = {
    "assets:bank": "is what statements say: match or discard the line instead",
    "assets:card-authorizations": "is what cards have reserved: capture or cancel the payment",
    "assets:chain": "is what lies in contracts: release or refund the escrow",
    "assets:debts": "is what sellers owe by refunds and disputes: releases set it off",
    "assets:disputes": "is what buyers' banks took: the dispute's outcome moves it",
    "assets:suspense:unmatched": "is what lines and receipts wait for: match, discard or refund",
    "equity:current-earnings": "is what income less expenses comes to: post to those",
    "liabilities:escrow": "is what is held for an order: release or refund it",
    "liabilities:seller": "is what releases owe a seller: payouts move it",
}
"""Closed to people, with all below, and what to do instead."""

_PATH = re.compile(r"[a-z]+(:[A-Za-z0-9_.-]+)+")
_LONGEST = 200
_OPERATOR = re.compile(r"assets:chain:[^:]+:operator:[^:]+")


def why_closed(path: str) -> str | None:
    """Return why nobody may post to an account by hand, as a sentence; None if people may."""
    if len(path) > _LONGEST or not _PATH.fullmatch(path):
        return "This is no account: write it as expenses:rent."
    if _OPERATOR.fullmatch(path):
        return None
    for closed, reason in CLOSED.items():
        if _is_below(path, closed):
            return f"{closed} {reason}."
    if any(_is_below(path, known) for known in OPEN):
        return None
    return "People post below " + ", ".join(sorted(OPEN)) + "."


def to_open(path: str, asset: str) -> AccountSpec:
    """Return how an account is opened that an entry by hand is the first to use."""
    return AccountSpec(path, asset, mode="deferred")


def is_reversible(kind: str) -> bool:
    """Whether people may reverse a journal entry of this kind.

    Only what people posted: all others are the effect of a payment, release, statement line or
    transaction that would go on saying that it happened.
    """
    return kind == MANUAL


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}:")
