"""What moved on our accounts at bank providers, against what we booked of it, one by one."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from payments.errors import StrongroomError
from payments.log_lines import get_logger
from payments.providers.ports import BankProvider, ProviderTransaction
from payments.reconciliation.findings import Found, oldest_open

MAY_BE_UNDER_WAY = dt.timedelta(hours=1)
"""What is younger may not have been told to us yet, or not be listed yet."""

_MARGIN = dt.timedelta(days=1)
"""Their moments and ours of the same thing differ by no more."""

_COMPARED = frozenset({"payment", "refund", "payout"})

# A refund or payout that came back is not listed any more.
_OURS = text("""
    SELECT 'payment' AS kind, id, receipt_ref AS ref, CAST(amount AS text) AS amount, occurred_at
      FROM strongroom.bank_receipts
     WHERE source = :provider AND currency = :currency
       AND (receipt_ref = ANY(CAST(:refs AS text[]))
            OR (occurred_at BETWEEN :since AND :until
                AND payment_id NOT IN (SELECT id FROM strongroom.payments
                                        WHERE taken_back_at IS NOT NULL)))
    UNION ALL
    SELECT 'refund', id, provider_ref, CAST(-amount AS text), occurred_at
      FROM strongroom.refunds
     WHERE provider = :provider AND currency = :currency AND provider_ref IS NOT NULL
       AND (booked IN ('refunded', 'returned') AND provider_ref = ANY(CAST(:refs AS text[]))
            OR booked = 'refunded' AND occurred_at BETWEEN :since AND :until)
    UNION ALL
    SELECT 'payout', p.id, a.provider_ref, CAST(-a.amount AS text), a.ended_at
      FROM strongroom.seller_payout_attempts a
      JOIN strongroom.seller_payouts p ON p.id = a.payout_id
     WHERE a.provider = :provider AND p.currency = :currency AND a.state = 'paid'
       AND (a.provider_ref = ANY(CAST(:refs AS text[]))
            OR a.amount_returned = 0 AND a.ended_at BETWEEN :since AND :until)
""")


class Booked(NamedTuple):
    """A receipt, refund or payout of ours that the provider should know; signed minor units."""

    kind: str
    id: str
    ref: str
    amount: int
    occurred_at: dt.datetime


def compare_bank(
    engine: Engine,
    bank: BankProvider,
    currency: str,
    *,
    days: int,
    now: dt.datetime,
) -> list[Found] | None:
    """Return what only one of the two sides has, or has otherwise; None: it did not answer.

    Looks `days` back, and further to where findings that are still open come from.
    """
    scope = scope_of(bank.name, currency)
    with Session(engine) as session:
        oldest = oldest_open(session, scope)
    since = min(now, oldest or now) - max(dt.timedelta(days=days), _MARGIN)
    until = now - MAY_BE_UNDER_WAY
    try:
        listed = list(bank.list_transactions(currency=currency, since=since - _MARGIN, until=now))
    except StrongroomError as error:
        get_logger(__name__).warning(
            "provider_not_compared", provider=bank.name, currency=currency, error=error.detail
        )
        return None
    theirs = [one for one in listed if one.kind in _COMPARED and one.subject_ref]
    refs = [str(one.subject_ref) for one in theirs]
    with Session(engine) as session:
        wanted = {"provider": bank.name, "currency": currency, "since": since, "until": until}
        rows = session.execute(_OURS, {**wanted, "refs": refs})
        ours = [Booked(row.kind, row.id, row.ref, int(row.amount), row.occurred_at) for row in rows]
    # What else leaves an account of ours is called a payout, too: fees, and what we send ourselves.
    sellers = {one.ref for one in ours if one.kind == "payout"}
    theirs = [one for one in theirs if one.kind != "payout" or one.subject_ref in sellers]
    due = [one for one in theirs if one.occurred_at <= until]
    return [*_theirs_against_ours(scope, due, ours), *_only_ours(scope, theirs, ours, since, until)]


def scope_of(provider: str, currency: str) -> str:
    """Return how the keys of all findings of a comparison begin."""
    return f"{provider}:{currency}:"


def _theirs_against_ours(
    scope: str, theirs: Iterable[ProviderTransaction], ours: Iterable[Booked]
) -> Iterator[Found]:
    booked = {(each.kind, each.ref): each for each in ours}
    for one in theirs:
        known = booked.get((one.kind, str(one.subject_ref)))
        if known is None:
            yield Found(
                f"{scope}only-theirs:{one.transaction_ref}",
                "missing_in_ledger",
                str(one.subject_ref),
                one.amount,
                0,
                one.currency,
                f"A {one.kind} that moved at the provider is not booked here",
            )
        elif known.amount != one.amount:
            yield Found(
                f"{scope}differs:{one.transaction_ref}",
                "amount_differs",
                known.id,
                one.amount,
                known.amount,
                one.currency,
                f"The {one.kind} moved another amount at the provider than is booked here",
            )


def _only_ours(
    scope: str,
    theirs: Iterable[ProviderTransaction],
    ours: Sequence[Booked],
    since: dt.datetime,
    until: dt.datetime,
) -> Iterator[Found]:
    known = {(one.kind, str(one.subject_ref)) for one in theirs}
    currency = scope.split(":")[1]
    for each in ours:
        if (each.kind, each.ref) not in known and since <= each.occurred_at <= until:
            yield Found(
                f"{scope}only-ours:{each.id}",
                "missing_at_provider",
                each.id,
                0,
                each.amount,
                currency,
                f"A {each.kind} that is booked here did not move at the provider",
            )
