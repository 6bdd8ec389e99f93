"""Events: what happened, as a snapshot, queued for delivery in the same transaction."""

import copy
from dataclasses import dataclass
from typing import Any

from sandbox.stripe.account import API_VERSION, Account, new_id
from sandbox.stripe.forms import Parameters
from sandbox.stripe.refusals import Resource, invalid, missing
from sandbox.stripe.store import Transaction

LIMIT_DEFAULT = 10
LIMIT_MAX = 100
_FAILING = (
    "EXISTS (SELECT 1 FROM deliveries AS d"
    " WHERE d.event_id = objects.id AND d.delivered_at IS NULL AND d.attempts > 0)"
)
_NOT_FAILING = f"NOT {_FAILING}"


@dataclass(frozen=True)
class Request:
    """The API request that an event goes back to."""

    id: str
    idempotency_key: str | None = None


def record(
    transaction: Transaction, account: Account, kind: str, resource: Resource, request: Request
) -> Resource:
    """Write an event about a resource and queue its delivery to the webhook endpoint."""
    event: Resource = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": account.created,
        "data": {"object": copy.deepcopy(resource)},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": request.id, "idempotency_key": request.idempotency_key},
        "type": kind,
    }
    transaction.put(event)
    transaction.sql.execute(
        "INSERT INTO deliveries (event_id, due_at) VALUES (?, ?)", (event["id"], account.now())
    )
    return event


def retrieve(transaction: Transaction, event_id: str) -> Resource:
    """One event, with the number of deliveries still to be made."""
    event = transaction.get(event_id, kind="event")
    if event is None:
        raise missing("event", event_id)
    (event["pending_webhooks"],) = transaction.sql.execute(
        "SELECT count(*) FROM deliveries WHERE event_id = ? AND delivered_at IS NULL", (event_id,)
    ).fetchone()
    return event


def list_events(transaction: Transaction, parameters: Parameters) -> Resource:
    """The newest events first, filtered and paged as Stripe's list is."""
    limit = parameters.integer("limit") or LIMIT_DEFAULT
    if not 1 <= limit <= LIMIT_MAX:
        raise invalid("limit", f"limit must be between 1 and {LIMIT_MAX}")
    before = parameters.text("ending_before")
    where, values = _conditions(transaction, parameters, before)
    rows = transaction.sql.execute(
        "SELECT id FROM objects WHERE kind = 'event'"  # noqa: S608 - `where` holds no input
        f"{where} ORDER BY seq {'ASC' if before else 'DESC'} LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    page = rows[:limit][::-1] if before else rows[:limit]
    return {
        "object": "list",
        "data": [retrieve(transaction, event_id) for (event_id,) in page],
        "has_more": len(rows) > limit,
        "url": "/v1/events",
    }


def _conditions(
    transaction: Transaction, parameters: Parameters, before: str | None
) -> tuple[str, list[Any]]:
    clauses: list[str] = []
    values: list[Any] = []
    kinds = parameters.texts("types") or [parameters.text("type") or ""]
    if kinds != [""]:
        clauses.append(f"json_extract(body, '$.type') IN ({', '.join('?' * len(kinds))})")
        values += kinds
    created = parameters.group("created")
    for name, sign in (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")):
        bound = created.integer(name) if created is not None else None
        if bound is not None:
            clauses.append(f"created {sign} ?")
            values.append(bound)
    for cursor, sign in ((parameters.text("starting_after"), "<"), (before, ">")):
        if cursor is not None:
            clauses.append(f"seq {sign} ?")
            values.append(_sequence(transaction, cursor))
    delivered = parameters.flag("delivery_success")
    if delivered is not None:
        clauses.append(_NOT_FAILING if delivered else _FAILING)
    parameters.refuse_rest()
    return "".join(f" AND {clause}" for clause in clauses), values


def _sequence(transaction: Transaction, event_id: str) -> int:
    row = transaction.sql.execute("SELECT seq FROM objects WHERE id = ?", (event_id,)).fetchone()
    if row is None:
        raise missing("event", event_id, param="starting_after")
    sequence: int = row[0]
    return sequence
