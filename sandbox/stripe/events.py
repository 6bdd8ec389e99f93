"""Events: what happened, as a snapshot, queued for delivery in the same transaction."""

from dataclasses import dataclass

from sandbox.simulated.deliveries import deliver
from sandbox.simulated.store import Transaction
from sandbox.stripe.account import API_VERSION, Account, new_id
from sandbox.stripe.forms import Parameters
from sandbox.stripe.lists import Conditions, page
from sandbox.stripe.refusals import Resource, invalid, missing

TYPES_MAX = 20
# Stripe counts what is still to be tried as not delivered, too.
_UNDELIVERED = (
    "EXISTS (SELECT 1 FROM deliveries AS d"
    " WHERE d.event_id = objects.id AND d.delivered_at IS NULL)"
)
_NOT_UNDELIVERED = f"NOT {_UNDELIVERED}"


@dataclass(frozen=True)
class Request:
    """The API request that an event goes back to, if any."""

    id: str | None
    idempotency_key: str | None = None


BY_ITSELF = Request(None)


def record(
    transaction: Transaction, account: Account, kind: str, resource: Resource, request: Request
) -> Resource:
    """Write an event about a resource and queue its delivery to the webhook endpoint."""
    event: Resource = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": account.created,
        "data": {"object": resource},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": request.id, "idempotency_key": request.idempotency_key},
        "type": kind,
    }
    transaction.put(event)
    deliver(transaction, event["id"], now=account.now())
    return event


def retrieve(transaction: Transaction, event_id: str) -> Resource:
    """One event, with the number of deliveries still to be made."""
    event = transaction.get(event_id, kind="event")
    if event is None:
        raise missing("event", event_id)
    return _with_pending(transaction, event)


def _with_pending(transaction: Transaction, event: Resource) -> Resource:
    (event["pending_webhooks"],) = transaction.sql.execute(
        "SELECT count(*) FROM deliveries WHERE event_id = ? AND delivered_at IS NULL",
        (event["id"],),
    ).fetchone()
    return event


def list_events(transaction: Transaction, parameters: Parameters) -> Resource:
    """The newest events first, filtered and paged as Stripe's list is."""
    conditions = Conditions()
    _add_kinds(conditions, parameters)
    delivered = parameters.flag("delivery_success")
    if delivered is not None:
        conditions.add(_NOT_UNDELIVERED if delivered else _UNDELIVERED)
    return page(
        transaction,
        parameters,
        "event",
        "/v1/events",
        conditions=conditions,
        show=lambda event: _with_pending(transaction, event),
    )


def _add_kinds(conditions: Conditions, parameters: Parameters) -> None:
    """Ask for `types`, or for a `type` that may end in `*`."""
    kinds, pattern = parameters.texts("types"), parameters.text("type")
    if kinds and pattern is not None:
        raise invalid("types", "You may only specify one of these parameters: type, types.")
    if len(kinds) > TYPES_MAX:
        raise invalid("types", f"types can have up to {TYPES_MAX} values")
    if kinds:
        marks = ", ".join("?" * len(kinds))
        conditions.add(f"json_extract(body, '$.type') IN ({marks})", *kinds)
    elif pattern is not None:
        conditions.add("json_extract(body, '$.type') GLOB ?", pattern)
