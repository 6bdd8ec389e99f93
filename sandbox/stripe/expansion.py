"""`expand[]`: an id in an answer replaced by the object it names."""

from typing import Any

from sandbox.simulated.store import Transaction
from sandbox.stripe.lists import as_list
from sandbox.stripe.refusals import Refusal, Resource

DEPTH_MAX = 4
_EXPANDABLE = (
    "latest_charge",
    "balance_transaction",
    "charge",
    "destination",
    "failure_balance_transaction",
    "payment_intent",
    "payment_method",
    "source",
)


def expand(transaction: Transaction, resource: Resource, paths: list[str]) -> Resource:
    """The resource with every path such as `latest_charge.balance_transaction` filled in."""
    for path in paths:
        segments = path.split(".")
        if len(segments) > DEPTH_MAX:
            raise Refusal(400, f"You cannot expand more than {DEPTH_MAX} levels", param="expand")
        _expand_one(transaction, resource, segments, path)
    return resource


def _expand_one(
    transaction: Transaction, place: dict[str, Any], segments: list[str], path: str
) -> None:
    name, *rest = segments
    value = place.get(name)
    if isinstance(value, list):
        for member in value:
            _expand_one(transaction, member, rest, path)
        return
    if name == "refunds" and place.get("object") == "charge":
        url = f"/v1/charges/{place['id']}/refunds"
        newest_first = transaction.select("refund", charge=place["id"])[::-1]
        value = place[name] = as_list(newest_first, url)
    elif name not in place or name not in _EXPANDABLE:
        raise Refusal(400, f"This property cannot be expanded ({path}).", param="expand")
    if isinstance(value, str):
        value = place[name] = transaction.get_any(value)
    if rest and value is not None:
        _expand_one(transaction, value, rest, path)
