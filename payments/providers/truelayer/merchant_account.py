"""Our accounts at TrueLayer: what moved on them, and what is there.

https://docs.truelayer.com/docs/get-your-merchant-account-transactions-or-payment-sources
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from payments.log_lines import get_logger
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.ports import ProviderTransaction
from payments.providers.truelayer.shown_values import minor_units, moment, text
from payments.providers.truelayer.wire import Wire

_AT_ONCE = dt.timedelta(days=31)  # the longest TrueLayer lists
_PAGED = {"tl-enable-pagination": "true"}

# What moves money, its name here, what it belongs to, and which way it goes.
_KINDS = {
    "merchant_account_payment": ("payment", "payment_id", 1),
    "external_payment": ("transfer", None, 1),
    "refund": ("refund", "refund_id", -1),
    "payout": ("payout", "payout_id", -1),
}
_MOVED = {"settled": "settled_at", "executed": "executed_at"}

_log = get_logger(__name__)


def balance(wire: Wire, account_id: str) -> int:
    """Return what is on the account now, in minor units.

    Raises:
        ConflictError: there is no such account.
        OutcomeUnknownError: no answer.
    """
    there = wire.get("merchant-accounts", account_id).get("current_balance_in_minor")
    if type(there) is not int:
        raise OutcomeUnknownError("TrueLayer's balance is not readable.")
    return there


def transactions(
    wire: Wire, account_id: str, *, since: dt.datetime, until: dt.datetime
) -> Iterator[ProviderTransaction]:
    """Return what moved from `since` to `until`, both included, oldest first.

    Raises:
        ConflictError: there is no such account.
        OutcomeUnknownError: no answer.
    """
    seen: set[str] = set()
    while since < until:
        then = min(since + _AT_ONCE, until)
        moved = {one.transaction_ref: one for one in _listed(wire, account_id, since, then)}
        for one in sorted(moved.values(), key=lambda one: (one.occurred_at, one.transaction_ref)):
            if one.transaction_ref not in seen:
                yield one
        seen, since = set(moved), then


def _listed(
    wire: Wire, account_id: str, since: dt.datetime, until: dt.datetime
) -> Iterator[ProviderTransaction]:
    span = {"from": _written(since), "to": _written(until)}
    cursor: str | None = None
    while True:
        query = span if cursor is None else {**span, "cursor": cursor}
        page = wire.get(
            "merchant-accounts", account_id, "transactions", query=query, headers=_PAGED
        )
        try:
            for item in page["items"]:
                transaction = _transaction(item)
                if transaction is not None:
                    yield transaction
            following = (page.get("pagination") or {}).get("next_cursor")
        except (KeyError, TypeError, ValueError, AttributeError):
            raise OutcomeUnknownError("TrueLayer's transactions are not readable.") from None
        if not following or following == cursor:
            return
        cursor = str(following)


def _transaction(item: Mapping[str, Any]) -> ProviderTransaction | None:
    """Return a movement; None for what has not moved, or has not after all."""
    when = _MOVED.get(text(item["status"]))
    if when is None:
        return None
    if item["type"] not in _KINDS:
        # Which way it went is not known; the balance will show that something is missing.
        _log.warning("unknown_transaction_at_truelayer", transaction_ref=text(item["id"]))
        return None
    kind, subject, sign = _KINDS[item["type"]]
    return ProviderTransaction(
        transaction_ref=text(item["id"]),
        kind=kind,
        subject_ref=None if subject is None else text(item[subject]),
        amount=sign * minor_units(item["amount_in_minor"]),
        currency=text(item["currency"]),
        occurred_at=moment(item[when]),
    )


def _written(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
