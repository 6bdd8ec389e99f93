"""`expand[]`: an id in an answer replaced by the object it names."""

from typing import Any

from sandbox.stripe.refusals import Refusal, Resource
from sandbox.stripe.store import Transaction

DEPTH_MAX = 4
_EXPANDABLE = {
    "latest_charge": "charge",
    "balance_transaction": "balance_transaction",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
    "source": "charge",
}


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
    kind = _EXPANDABLE.get(name)
    if name not in place or kind is None:
        raise Refusal(400, f"This property cannot be expanded ({path}).", param="expand")
    if isinstance(value, str):
        value = place[name] = transaction.get(value, kind=kind)
    if rest and value is not None:
        _expand_one(transaction, value, rest, path)
