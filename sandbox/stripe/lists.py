"""Lists as Stripe answers them: newest first, filtered, and paged by cursor in both directions.

As described at https://docs.stripe.com/api/pagination.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.simulated.store import Transaction
from sandbox.stripe.forms import Parameters
from sandbox.stripe.refusals import Resource, invalid, missing

LIMIT_DEFAULT = 10
LIMIT_MAX = 100
_BOUNDS = (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="))


@dataclass
class Conditions:
    """What a row of the list must fulfil: SQL without any input in it, and the input."""

    clauses: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, clause: str, *values: Any) -> None:
        """Ask for one thing more."""
        self.clauses.append(clause)
        self.values += values

    def add_equal(self, parameters: Parameters, names: tuple[str, ...]) -> None:
        """Ask for fields to be equal to the parameters of the same names, where given."""
        for name in names:
            value = parameters.text(name)
            if value is not None:
                self.add(f"json_extract(body, '$.{name}') = ?", value)


def page(
    transaction: Transaction,
    parameters: Parameters,
    kind: str,
    url: str,
    *,
    conditions: Conditions | None = None,
    equal: tuple[str, ...] = (),
    show: Callable[[Resource], Resource] = lambda resource: resource,
) -> Resource:
    """One page of the objects of a kind; what is left of the parameters is refused."""
    conditions = conditions or Conditions()
    conditions.add_equal(parameters, equal)
    limit = _limit(parameters)
    before = parameters.text("ending_before")
    _add_created(conditions, parameters)
    _add_cursor(conditions, transaction, "<", "starting_after", parameters.text("starting_after"))
    _add_cursor(conditions, transaction, ">", "ending_before", before)
    parameters.refuse_rest()
    clauses = "".join(f" AND {clause}" for clause in conditions.clauses)
    rows = transaction.bodies(
        f"kind = ?{clauses} ORDER BY seq {'ASC' if before else 'DESC'} LIMIT ?",
        kind,
        *conditions.values,
        limit + 1,
    )
    shown = rows[:limit][::-1] if before else rows[:limit]
    return as_list([show(resource) for resource in shown], url, has_more=len(rows) > limit)


def as_list(members: list[Resource], url: str, *, has_more: bool = False) -> Resource:
    """The objects in Stripe's envelope for lists."""
    return {"object": "list", "data": members, "has_more": has_more, "url": url}


def _limit(parameters: Parameters) -> int:
    limit = parameters.integer("limit")
    if limit is None:
        return LIMIT_DEFAULT
    if not 1 <= limit <= LIMIT_MAX:
        raise invalid("limit", f"limit must be between 1 and {LIMIT_MAX}")
    return limit


def _add_created(conditions: Conditions, parameters: Parameters) -> None:
    created = parameters.group_or_text("created")
    if isinstance(created, str):
        conditions.add("created = ?", Parameters({"created": created}).integer("created"))
    elif created is not None:
        _add_bounds(conditions, created)


def _add_bounds(conditions: Conditions, created: Parameters) -> None:
    bounds: Mapping[str, int | None] = {name: created.integer(name) for name, _ in _BOUNDS}
    created.refuse_rest()
    for name, sign in _BOUNDS:
        if bounds[name] is not None:
            conditions.add(f"created {sign} ?", bounds[name])


def _add_cursor(
    conditions: Conditions, transaction: Transaction, sign: str, param: str, cursor: str | None
) -> None:
    if cursor is None:
        return
    sequence = transaction.sequence(cursor)
    if sequence is None:
        raise missing("object", cursor, param=param)
    conditions.add(f"seq {sign} ?", sequence)
