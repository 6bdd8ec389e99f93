"""What of the books a report takes, as conditions of SQL."""

from typing import NamedTuple

from ledger.reporting.scope import Scope

# Postings `p` of accounts `n`, and their entries `e`. OFFSET 0 has each looked up by its index:
# the planner takes every account for a busy one, and would rather read all entries there are.
POSTINGS_OF_ACCOUNTS = """
      FROM unnest(%s::bigint[]) WITH ORDINALITY AS n (id, place)
     CROSS JOIN LATERAL (
       SELECT * FROM ledger.postings WHERE account_id = n.id OFFSET 0) p
     CROSS JOIN LATERAL (
       SELECT id, recorded_at, occurred_at, kind, description
         FROM ledger.entries WHERE id = p.entry_id OFFSET 0) e
"""


class Chosen(NamedTuple):
    """A condition with the values of its placeholders, in their order."""

    sql: str
    values: tuple[object, ...]

    def __add__(self, other: object) -> "Chosen":
        """Return the condition that both hold."""
        if not isinstance(other, Chosen):
            return NotImplemented
        return Chosen(f"{self.sql} AND {other.sql}", self.values + other.values)


def in_books(scope: Scope) -> Chosen:
    """Return the condition on an entry `e` that it was in the books by `as_of`."""
    return Chosen("e.recorded_at <= %s", (scope.as_of,))


def before_end(scope: Scope) -> Chosen:
    """Return the condition on an entry `e` that it is not after the period."""
    if scope.ends_before is None:
        return Chosen("true", ())
    return Chosen(f"e.{scope.axis}_at < %s", (scope.ends_before,))


def in_period(scope: Scope) -> Chosen:
    """Return the condition on an entry `e` that it is of the period."""
    if scope.starts_at is None:
        return before_end(scope)
    return before_end(scope) + Chosen(f"e.{scope.axis}_at >= %s", (scope.starts_at,))


def of_asset(scope: Scope) -> Chosen:
    """Return the condition on an account `a` that it is in the asset asked for."""
    if scope.asset is None:
        return Chosen("true", ())
    return Chosen("a.asset_id = (SELECT id FROM ledger.assets WHERE code = %s)", (scope.asset,))


def of_accounts(account: str | None, control: str | None) -> Chosen:
    """Return the condition on an account `a`.

    `account` is a path, and stands for itself and all accounts under it; `control` is exactly one
    control account. The characters that sort between a path and the paths under it are why there
    are two conditions: the first is quick to find, the second is right.
    """
    chosen = Chosen("true", ())
    for path in (account, control):
        if path is not None:
            chosen += Chosen("a.path >= %s AND a.path < %s", (path, f"{path};"))
    if account is not None:
        under = f"{account}:"
        chosen += Chosen("(a.path = %s OR starts_with(a.path, %s))", (account, under))
    if control is not None:
        chosen += Chosen("a.control = %s", (control,))
    return chosen
