"""What is debited and what credited when money arrives at our bank, as exact lines."""

import datetime as dt

import pytest
from sqlalchemy import Connection, Engine

import ledger
from ledger import JournalLine
from payments.accounting.chart_of_accounts import (
    bank_clearing,
    incoming,
    stripe_pending,
    suspense_unmatched,
)
from payments.accounting.receipts import (
    Received,
    book_out_of_suspense,
    book_receipt,
    book_receipt_refund,
    book_receipt_refund_returned,
    book_taken_back,
)

AT = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
CLEARING, SUSPENSE, ESCROW = (
    "assets:bank:clearing",
    "assets:suspense:unmatched",
    "liabilities:escrow:ord_1",
)


def received(number: int, amount: int = 7_000) -> Received:
    return Received(
        id=f"rcp_{number}",
        payment_id=f"pay_{number}",
        order_id="ord_1",
        provider="truelayer",
        provider_ref="tl_1",
        bank_reference="SR0123456789AB",
        receipt_ref="stl_1",
        amount=amount,
        currency="EUR",
    )


@pytest.mark.parametrize(
    ("provider", "account"),
    [("stripe", stripe_pending), ("truelayer", bank_clearing), ("gocardless", bank_clearing)],
)
def test_where_a_providers_money_comes_in(provider: str, account: object) -> None:
    assert callable(account)
    assert incoming(provider, "EUR") == account("EUR")


def test_suspense_may_be_below_zero() -> None:
    assert suspense_unmatched("EUR") == ledger.AccountSpec(SUSPENSE, "EUR", "deferred", None)


@pytest.mark.parametrize(
    ("number", "held", "key", "kind", "lines"),
    [
        (1, 0, "rcp_1:received", "receipt", {CLEARING: 7_000, SUSPENSE: -7_000}),
        (2, 7_000, "pay_2:charged", "charge", {CLEARING: 7_000, ESCROW: -7_000}),
        (3, 6_000, "pay_3:charged", "charge", {CLEARING: 7_000, ESCROW: -6_000, SUSPENSE: -1_000}),
        (4, 9_000, "pay_4:charged", "charge", {CLEARING: 7_000, ESCROW: -9_000, SUSPENSE: 2_000}),
    ],
)
def test_a_receipt_is_one_entry_whatever_becomes_of_it(
    engine: Engine, number: int, held: int, key: str, kind: str, lines: dict[str, int]
) -> None:
    with engine.begin() as connection:
        book_receipt(connection, received(number), held=held, occurred_at=AT)
        assert entry(connection, key) == (kind, lines)


def test_what_goes_out_of_suspense_and_comes_back(engine: Engine) -> None:
    with engine.begin() as connection:
        book_out_of_suspense(connection, received(5), occurred_at=AT)
        book_taken_back(connection, received(5, 100), occurred_at=AT)
        book_receipt_refund(connection, received(5, 200), refund_id="rfd_5", occurred_at=AT)
        book_receipt_refund_returned(
            connection, received(5, 300), refund_id="rfd_5", occurred_at=AT
        )
        assert entry(connection, "pay_5:charged") == ("charge", {SUSPENSE: 7_000, ESCROW: -7_000})
        assert entry(connection, "rcp_5:taken_back") == (
            "receipt.taken_back",
            {SUSPENSE: 100, CLEARING: -100},
        )
        assert entry(connection, "rfd_5:refunded") == (
            "receipt.refund",
            {SUSPENSE: 200, CLEARING: -200},
        )
        assert entry(connection, "rfd_5:returned") == (
            "receipt.refund_returned",
            {SUSPENSE: -300, CLEARING: 300},
        )


def entry(connection: Connection, key: str) -> tuple[str, dict[str, int]]:
    [found] = ledger.entries_of_effects(connection, [key])
    lines: tuple[JournalLine, ...] = found.lines
    return found.kind, {line.path: line.amount for line in lines}
