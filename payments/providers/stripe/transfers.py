"""Transfers to sellers' connected accounts: made under a key of ours, found again by our ids.

https://docs.stripe.com/connect/separate-charges-and-transfers. A transfer that names the charge
whose money it is needs no available balance: it becomes available together with the charge.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import stripe
from stripe import StripeClient
from stripe.params import TransferCreateParams

from payments.providers.facts import MoneyReturned, PayoutReported, PayoutStatus
from payments.providers.outcome import (
    FundsNotThereYetError,
    OutcomeUnknownError,
    PayoutRefusedError,
)
from payments.providers.ports import PayoutRequest
from payments.providers.stripe.giveback_facts import PROVIDER
from payments.providers.stripe.named_errors import named_errors

_PAGE = 100  # Stripe's largest
_PAGES = 10
_CLOCKS_DIFFER_BY = dt.timedelta(minutes=10)
_NOT_YET = frozenset({"balance_insufficient", "insufficient_funds"})
_OF_THE_DESTINATION = frozenset(
    {
        "account_closed",
        "account_invalid",
        "insufficient_capabilities_for_transfer",
        "transfers_not_allowed",
    }
)


class StripeTransfers:
    """Pays sellers by transfer: `PayoutPort`."""

    def __init__(self, client: StripeClient) -> None:
        self._client = client

    def create_payout(self, request: PayoutRequest) -> PayoutReported:
        """See `PayoutPort`."""
        charge = self._charge_of(request.payment_ref)
        params: TransferCreateParams = {
            "amount": request.amount,
            "currency": request.currency.lower(),
            "destination": request.account or "",
            # A charge that has a group of its own gives it to its transfers.
            "transfer_group": charge.get("transfer_group") or request.order_id,
            "metadata": {
                "payout_id": request.payout_id,
                "attempt": str(request.attempt),
                "order_id": request.order_id,
            },
        }
        if charge:
            params["source_transaction"] = charge["id"]
        with _refusals():
            made = self._client.v1.transfers.create(
                params, {"idempotency_key": request.idempotency_key}
            )
        return _as_documented(made.to_dict())

    def find_payout(self, request: PayoutRequest) -> PayoutReported | None:
        """See `PayoutPort`."""
        since = int((request.began_at - _CLOCKS_DIFFER_BY).timestamp())
        with _refusals():
            page = self._client.v1.transfers.list(
                {
                    "destination": request.account or "",
                    "created": {"gte": since},
                    "limit": _PAGE,
                }
            )
            listed = page.auto_paging_iter()
            shown = [
                found.to_dict() for found, _ in zip(listed, range(_PAGE * _PAGES), strict=False)
            ]
        for found in shown:
            ours = found.get("metadata") or {}
            if (ours.get("payout_id"), ours.get("attempt")) == (
                request.payout_id,
                str(request.attempt),
            ):
                return _as_documented(found)
        return None

    def get_payout(self, payout_ref: str) -> PayoutReported:
        """See `PayoutPort`."""
        with _refusals():
            shown = self._client.v1.transfers.retrieve(payout_ref).to_dict()
            if (shown.get("reversals") or {}).get("has_more"):
                page = self._client.v1.transfers.reversals.list(payout_ref, {"limit": _PAGE})
                shown["reversals"] = {"data": [one.to_dict() for one in page.auto_paging_iter()]}
        return _as_documented(shown)

    def _charge_of(self, payment_ref: str) -> Mapping[str, Any]:
        """Return the charge that brought the money; nothing when the intent shows none."""
        with _refusals():
            intent = self._client.v1.payment_intents.retrieve(
                payment_ref, {"expand": ["latest_charge"]}
            )
        charge = intent.to_dict().get("latest_charge")
        return charge if isinstance(charge, Mapping) else {}


def transfer_fact(transfer: Mapping[str, Any]) -> PayoutReported:
    """Return what a transfer, as Stripe shows it, tells of a payout.

    Raises:
        KeyError, TypeError, ValueError: it does not have the documented form.
    """
    ours = transfer.get("metadata") or {}
    attempt = ours.get("attempt")
    reversals = (transfer.get("reversals") or {}).get("data") or []
    return PayoutReported(
        provider=PROVIDER,
        payout_ref=str(transfer["id"]),
        payout_id=ours.get("payout_id"),
        attempt=None if attempt is None else int(attempt),
        amount=_amount(transfer["amount"]),
        currency=str(transfer["currency"]).upper(),
        status=PayoutStatus.PAID,  # a transfer is made at once, or not at all
        occurred_at=_moment(transfer["created"]),
        source_ref=transfer.get("source_transaction"),
        order_id=ours.get("order_id"),
        returns=tuple(
            MoneyReturned(str(one["id"]), _amount(one["amount"]), _moment(one["created"]))
            for one in sorted(reversals, key=lambda one: (one["created"], one["id"]))
        ),
    )


def _as_documented(transfer: Mapping[str, Any]) -> PayoutReported:
    try:
        return transfer_fact(transfer)
    except (KeyError, TypeError, ValueError):
        raise OutcomeUnknownError("Stripe's transfer is not readable.") from None


def _amount(told: object) -> int:
    if type(told) is not int or told < 1:
        raise TypeError("an amount is not a positive int")
    return told


def _moment(seconds: object) -> dt.datetime:
    if type(seconds) is not int:
        raise TypeError("a moment is not a count of seconds")
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC)


@contextmanager
def _refusals() -> Iterator[None]:
    """Name why a transfer was refused; all else as `named_errors`."""
    with named_errors():
        try:
            yield
        except stripe.IdempotencyError as error:  # so something was asked for under this key
            raise OutcomeUnknownError("Stripe knows the key of another request.") from error
        except stripe.InvalidRequestError as error:
            said = f"Stripe did not make the transfer: {error.code or error.http_status}."
            if error.code in _NOT_YET:
                raise FundsNotThereYetError(said) from error
            if error.code in _OF_THE_DESTINATION or error.param == "destination":
                raise PayoutRefusedError(said, code="destination_refused") from error
            raise PayoutRefusedError(said) from error
