"""Our balance at Stripe as Stripe keeps it: every transaction, the sums, and the payouts."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import stripe
from stripe import StripeClient
from stripe.params import BalanceTransactionListParams

from payments.errors import ConflictError, UnavailableError

PAGE = 100
_PAGES_OF_PAYOUTS = 10


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a transaction is about: `kind` is Stripe's word, such as `charge` or `payout`.

    `transfer_ref` is the transfer that a reversal takes back; `payout_id` our payout to a seller
    that a transfer says it is. `amount` (never negative) is in minor units of `currency`, the one
    that was paid in.
    """

    ref: str
    kind: str | None = None
    intent_ref: str | None = None
    payment_id: str | None = None
    transfer_ref: str | None = None
    payout_id: str | None = None
    amount: int | None = None
    currency: str | None = None


@dataclass(frozen=True, kw_only=True)
class Payout:
    """A payout to our bank; `amount` in minor units of `currency`."""

    ref: str
    amount: int
    currency: str
    status: str
    automatic: bool
    arrival_date: dt.date
    statement_descriptor: str | None
    trace_ref: str | None
    failure_code: str | None
    occurred_at: dt.datetime
    is_itemized: bool


@dataclass(frozen=True, kw_only=True)
class BalanceTransaction:
    """One movement of our balance, in signed minor units of `currency`: `net` = `amount` - `fee`.

    `payout` is there when the transaction is a payout's, or its return's.
    """

    id: str
    type: str
    reporting_category: str
    amount: int
    fee: int
    net: int
    currency: str
    is_available: bool
    occurred_at: dt.datetime
    available_on: dt.datetime
    source: Source | None
    payout: Payout | None = None


@dataclass(frozen=True)
class Page:
    """A part of the list, newest first; ask for more after the last one's id."""

    transactions: list[BalanceTransaction]
    has_more: bool


@dataclass(frozen=True)
class Balance:
    """What Stripe holds for us in one currency, in minor units."""

    pending: int = 0
    available: int = 0


def list_transactions(
    client: StripeClient,
    *,
    since: dt.datetime | None = None,
    after: str | None = None,
    payout: str | None = None,
) -> Page:
    """Return up to a hundred transactions, newest first.

    `since` leaves out older ones, `after` begins below the transaction of that id, and `payout`
    (only automatic ones) narrows it to what was paid out by it.

    Raises:
        ConflictError: Stripe refused the question.
        UnavailableError: no answer.
    """
    wanted: BalanceTransactionListParams = {"limit": PAGE, "expand": ["data.source"]}
    if since is not None:
        wanted["created"] = {"gte": int(since.timestamp())}
    if after is not None:
        wanted["starting_after"] = after
    if payout is not None:
        wanted["payout"] = payout
    with _named_errors():
        found = client.v1.balance_transactions.list(wanted)
        return Page([_transaction(item) for item in found.data], bool(found.has_more))


def retrieve_balance(client: StripeClient) -> dict[str, Balance]:
    """Return what Stripe holds for us now, by currency.

    Raises:
        ConflictError: Stripe refused the question.
        UnavailableError: no answer.
    """
    with _named_errors():
        found = client.v1.balance.retrieve()
        pending = {sum_.currency.upper(): sum_.amount for sum_ in found.pending}
        available = {sum_.currency.upper(): sum_.amount for sum_ in found.available}
    return {
        currency: Balance(pending.get(currency, 0), available.get(currency, 0))
        for currency in sorted({*pending, *available})
    }


def list_payouts(client: StripeClient, *, since: dt.datetime) -> list[Payout]:
    """Return the payouts made since a moment, newest first, a thousand at most.

    Raises:
        ConflictError: Stripe refused the question.
        UnavailableError: no answer.
    """
    payouts: list[Payout] = []
    with _named_errors():
        page = client.v1.payouts.list({"limit": PAGE, "created": {"gte": int(since.timestamp())}})
        for number, payout in enumerate(page.auto_paging_iter()):
            if number == PAGE * _PAGES_OF_PAYOUTS:
                break
            payouts.append(_payout(payout.to_dict()))
    return payouts


def _transaction(item: stripe.BalanceTransaction) -> BalanceTransaction:
    told = item.to_dict().get("source")
    return BalanceTransaction(
        id=item.id,
        type=item.type,
        reporting_category=item.reporting_category,
        amount=item.amount,
        fee=item.fee,
        net=item.net,
        currency=item.currency.upper(),
        is_available=item.status == "available",
        occurred_at=_moment(item.created),
        available_on=_moment(item.available_on),
        source=Source(ref=told) if isinstance(told, str) else _source(told),
        payout=_payout(told) if _kind(told) == "payout" else None,
    )


def _source(told: dict[str, Any] | None) -> Source | None:
    if told is None:
        return None
    kind, currency = _kind(told), told.get("currency")
    # A charge captured in part moved what was captured; everything else moves its amount.
    amount = told.get("amount_captured") if kind == "charge" else told.get("amount")
    return Source(
        ref=told["id"],
        kind=kind,
        intent_ref=_ref(told.get("payment_intent")),
        payment_id=(told.get("metadata") or {}).get("payment_id"),
        transfer_ref=_ref(told.get("transfer")) if kind == "transfer_reversal" else None,
        payout_id=(told.get("metadata") or {}).get("payout_id") if kind == "transfer" else None,
        amount=None if amount is None or currency is None else abs(amount),
        currency=None if amount is None or currency is None else currency.upper(),
    )


def _payout(payout: Any) -> Payout:
    return Payout(
        ref=payout["id"],
        amount=payout["amount"],
        currency=payout["currency"].upper(),
        status=payout["status"],
        automatic=payout["automatic"],
        arrival_date=_moment(payout["arrival_date"]).date(),
        statement_descriptor=payout.get("statement_descriptor"),
        trace_ref=(payout.get("trace_id") or {}).get("value"),
        failure_code=payout.get("failure_code"),
        occurred_at=_moment(payout["created"]),
        is_itemized=payout.get("reconciliation_status") == "completed",
    )


def _kind(told: Any) -> str | None:
    return told.get("object") if isinstance(told, dict) else None


def _ref(told: Any) -> str | None:
    """Return the id of something told as an id or as the thing itself."""
    ref: str | None = told["id"] if isinstance(told, dict) else told
    return ref


def _moment(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC)


@contextmanager
def _named_errors() -> Iterator[None]:
    """Turn the SDK's errors into ours; looking has no outcome that could be unknown."""
    try:
        yield
    except (
        stripe.InvalidRequestError,
        stripe.AuthenticationError,
        stripe.PermissionError,
    ) as error:
        raise ConflictError(_described(error), code="provider_refused") from error
    except stripe.StripeError as error:
        raise UnavailableError(_described(error)) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UnavailableError(f"Stripe's answer is not as documented: {error!r}.") from error


def _described(error: stripe.StripeError) -> str:
    """Return what happened by Stripe's codes: its message may hold what is not for the caller."""
    codes = " ".join(str(part) for part in (error.http_status, error.code) if part is not None)
    return f"Stripe did not answer: {codes or 'no line'} ({type(error).__name__})."
