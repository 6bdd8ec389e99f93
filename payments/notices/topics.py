"""What the platform's backend is told: which changes, and which fields of them, by name.

Ids, states and amounts, as on the event stream; not what people wrote, nor what a payer's browser
or wallet needs: a notice may end up in a log of somebody else.
"""

from collections.abc import Mapping
from typing import Any

# A field with fields of its own names those.
_Fields = Mapping[str, "_Fields | None"]


def _named(*names: str, **within: _Fields) -> _Fields:
    return {**dict.fromkeys(names), **within}


_TIMES = ("created_at", "updated_at")

TOPICS: Mapping[str, _Fields] = {
    "order.updated": _named(
        "id", "buyer_id", "seller_id", "status", "amount", "currency", "updated_at"
    ),
    "payment.updated": _named(
        "id",
        "order_id",
        "rail",
        "status",
        "amount",
        "currency",
        "amount_captured",
        "amount_refunded",
        "escrow_id",
        *_TIMES,
        failure=_named("code", "stripe_code", "next_step"),
        bank=_named("reference", "provider_status", "expires_at", "amount_received"),
    ),
    "release.updated": _named(
        "id",
        "order_id",
        "escrow_id",
        "payment_id",
        "seller_id",
        "amount",
        "currency",
        "platform_fee",
        "tax",
        "set_off",
        "seller_amount",
        "status",
        "needs_approval",
        *_TIMES,
        failure=_named("code"),
        transaction=_named("hash", "confirmations", "required_confirmations"),
        payout=_named("id", "status"),
    ),
    "escrow.updated": _named(
        "id",
        "order_id",
        "payment_id",
        "chain",
        "chain_id",
        "asset",
        "amount",
        "status",
        "is_paused",
        "contract_address",
        "tx_hash",
        "confirmations",
        "required_confirmations",
        "amount_deposited",
        "amount_released",
        "amount_refunded",
        "amount_held",
        "amount_stray",
        *_TIMES,
    ),
}

TEST_TYPE = "endpoint.test"


def told_of(topic: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a change is told.

    Raises:
        KeyError: nothing is told of this topic.
    """
    return _only(data, TOPICS[topic])


def _only(data: Mapping[str, Any], fields: _Fields) -> dict[str, Any]:
    return {
        name: value if within is None or value is None else _only(value, within)
        for name, within in fields.items()
        if name in data
        for value in [data[name]]
    }
