"""What Stripe moved is booked to the cent, whatever it was and whoever told it first."""

import datetime as dt

import pytest
from sqlalchemy.exc import IntegrityError, ProgrammingError

import ledger
from payments.lifecycle.tables import Payment
from payments.providers.facts import (
    DisputeReported,
    DisputeStatus,
    RefundReported,
    RefundStatus,
)
from payments.providers.stripe.balance import Source
from tests.payments.settlement.stripe_books import DAY, Books, charge_of, moved
from tests.payments.shop import NOW

PENDING = "assets:stripe:pending USD"
AVAILABLE = "assets:stripe:available USD"
FEES = "expenses:processing:stripe USD"
CLEARING = "assets:bank:clearing USD"
SUSPENSE = "assets:suspense:stripe USD"


def refund_told(payment: Payment, amount: int, status: RefundStatus) -> RefundReported:
    return RefundReported(
        provider="stripe",
        provider_ref=payment.provider_ref,
        payment_id=payment.id,
        occurred_at=NOW,
        refund_ref=f"re_{payment.id}",
        refund_id=None,
        amount=amount,
        currency=payment.currency,
        status=status,
    )


def dispute_told(payment: Payment, status: DisputeStatus, *, second: int = 0) -> DisputeReported:
    return DisputeReported(
        provider="stripe",
        provider_ref=payment.provider_ref,
        payment_id=payment.id,
        occurred_at=NOW + dt.timedelta(seconds=second),
        dispute_ref=f"dp_{payment.id}",
        amount=payment.amount,
        currency=payment.currency,
        status=status,
        reason="fraudulent",
    )


def about(payment: Payment, ref: str, kind: str, amount: int) -> Source:
    return Source(
        ref=f"{ref}_{payment.id}",
        kind=kind,
        intent_ref=payment.provider_ref,
        amount=amount,
        currency=payment.currency,
    )


@pytest.mark.parametrize("first", ["event", "balance transaction"])
def test_a_charge_and_its_fee_whoever_tells_first(books: Books, first: str) -> None:
    payment = books.payment(10_000)
    txn = charge_of(payment, fee=325)
    if first == "event":
        books.charged(payment)
    assert books.store(txn) == 1
    assert books.book() == 1
    if first != "event":
        assert books.match() == 0
        books.charged(payment)
    assert books.match() == 1
    assert books.balances() == {PENDING: 9_675, FEES: 325}
    assert books.entries(f"{txn.id}:fee") == [(f"{txn.id}:fee", {FEES: 325, PENDING: -325})]
    [entry] = books.entries(f"{payment.id}:charged")
    assert books.row(txn.id).principal_entry_id is not None
    assert entry[1][PENDING] == 10_000


def test_what_is_told_again_changes_nothing(books: Books) -> None:
    payment = books.payment()
    books.charged(payment)
    txn = charge_of(payment, fee=325)
    assert [books.store(txn), books.store(txn)] == [1, 0]
    assert [books.book(), books.book()] == [1, 0]
    assert [books.match(), books.match()] == [1, 0]
    assert books.balances() == {PENDING: 9_675, FEES: 325}


def test_money_is_available_on_its_day_and_not_before(books: Books) -> None:
    payment = books.payment()
    books.charged(payment)
    txn = charge_of(payment, fee=325)
    books.store(txn)
    books.book()
    assert books.settle(NOW + 2 * DAY - dt.timedelta(seconds=1)) == 0
    assert books.settle(NOW + 2 * DAY) == 1
    assert books.settle(NOW + 3 * DAY) == 0
    assert books.balances() == {AVAILABLE: 9_675, FEES: 325}
    [(_, lines)] = books.entries(f"{txn.id}:available")
    assert lines == {AVAILABLE: 9_675, PENDING: -9_675}


def test_stripe_may_change_the_day_until_it_has_come(books: Books) -> None:
    txn = moved("topup", 5_000)
    books.store(txn)
    books.book()
    earlier = moved("topup", 5_000, id=txn.id, available_on=NOW)
    assert books.store(earlier) == 0
    assert books.settle(NOW) == 1
    books.store(txn)
    assert books.row(txn.id).available_on == NOW


def test_a_refund_keeps_the_fee_and_may_come_back(books: Books) -> None:
    payment = books.payment(10_000)
    books.charged(payment)
    refund = moved("refund", -4_000, source=about(payment, "re", "refund", 4_000))
    books.store(charge_of(payment, fee=325), refund)
    books.book()
    assert books.match() == 1
    books.tell(refund_told(payment, 4_000, RefundStatus.SUCCEEDED))
    assert books.match() == 1
    assert books.balances() == {PENDING: 5_675, FEES: 325}

    books.tell(refund_told(payment, 4_000, RefundStatus.FAILED))
    back = moved("refund_failure", 4_000, source=about(payment, "re", "refund", 4_000))
    books.store(back)
    books.book()
    assert books.match() == 1
    assert books.row(back.id).awaits == "refund_returned"
    assert books.balances() == {PENDING: 9_675, FEES: 325}


def test_a_dispute_costs_a_fee_and_comes_back_when_won(books: Books) -> None:
    payment = books.payment(10_000)
    books.charged(payment)
    books.tell(dispute_told(payment, DisputeStatus.OPEN))
    source = about(payment, "dp", "dispute", 10_000)
    taken = moved("adjustment", -10_000, fee=1_500, source=source, reporting_category="dispute")
    books.store(charge_of(payment, fee=325), taken)
    books.book()
    assert books.match() == 2
    disputed = f"assets:disputes:{payment.id} USD"
    assert books.balances() == {PENDING: -1_825, FEES: 1_825, disputed: 10_000}

    books.tell(dispute_told(payment, DisputeStatus.WON, second=1))
    given = moved(
        "adjustment", 10_000, fee=-1_500, source=source, reporting_category="dispute_reversal"
    )
    books.store(given)
    books.book()
    assert books.match() == 1
    assert books.balances() == {PENDING: 9_675, FEES: 325}
    [(_, lines)] = books.entries(f"{given.id}:fee")
    assert lines == {FEES: -1_500, PENDING: 1_500}


def test_a_payout_leaves_for_the_bank_and_comes_back_when_it_fails(books: Books) -> None:
    source = Source(ref="po_1", kind="payout", amount=9_000, currency="USD")
    out = moved("payout", -9_000, source=source, available_on=NOW)
    books.store(out)
    books.book()
    books.settle(NOW)
    assert books.balances() == {AVAILABLE: -9_000, CLEARING: 9_000}
    assert len(books.entries(f"{out.id}:paid_out")) == 1
    back = moved("payout_failure", 9_000, source=source, available_on=NOW)
    books.store(back)
    books.book()
    books.settle(NOW)
    assert books.balances() == {}
    assert len(books.entries(f"{back.id}:payout_returned")) == 1


@pytest.mark.parametrize(
    ("type_", "category", "account"),
    [
        ("stripe_fee", "fee", FEES),
        ("tax_fee", "tax", FEES),
        ("topup", "topup", CLEARING),
        ("reserve_transaction", "risk_reserved_funds", "assets:stripe:reserved USD"),
        ("transfer", "transfer", SUSPENSE),
        ("adjustment", "other_adjustment", SUSPENSE),
        ("something_new", "something_new", SUSPENSE),
    ],
)
def test_what_belongs_to_no_payment_has_an_account_all_the_same(
    books: Books, type_: str, category: str, account: str
) -> None:
    books.store(moved(type_, -700, reporting_category=category))
    assert books.book() == 1
    assert books.balances() == {PENDING: -700, account: 700}


def test_a_charge_made_outside_goes_to_suspense_with_its_refund(books: Books) -> None:
    source = Source(ref="ch_x", kind="charge", intent_ref="pi_x", amount=2_000, currency="USD")
    books.store(moved("charge", 2_000, fee=55, source=source))
    books.book()
    assert books.balances() == {PENDING: 1_945, FEES: 55, SUSPENSE: -2_000}
    back = Source(ref="re_x", kind="refund", intent_ref="pi_x", amount=2_000, currency="USD")
    books.store(moved("refund", -2_000, source=back))
    books.book()
    assert books.balances() == {PENDING: -55, FEES: 55}


def test_a_payment_that_does_not_know_its_intent_is_found_by_what_the_charge_says(
    books: Books,
) -> None:
    payment = books.shop.payment(books.shop.order(currency="USD"), known_to_stripe=False)
    claim = Source(
        ref="ch_1",
        kind="charge",
        intent_ref="pi_1",
        payment_id=payment.id,
        amount=1,
        currency="USD",
    )
    refund = Source(ref="re_1", kind="refund", intent_ref="pi_1", amount=1, currency="USD")
    first, second = moved("charge", 11_900, source=claim), moved("refund", -100, source=refund)
    books.store(first)
    books.store(second)
    assert [books.row(txn.id).payment_id for txn in (first, second)] == [payment.id] * 2


def test_metadata_cannot_claim_a_payment_that_has_another_intent(books: Books) -> None:
    payment = books.payment()
    claim = Source(
        ref="ch_1",
        kind="charge",
        intent_ref="pi_9",
        payment_id=payment.id,
        amount=1,
        currency="USD",
    )
    txn = moved("charge", 10_000, source=claim)
    books.store(txn)
    assert books.row(txn.id).payment_id is None


def test_another_settlement_currency_is_exchanged_by_stripes_own_amounts(books: Books) -> None:
    payment = books.payment(10_000, currency="EUR")
    books.charged(payment)
    txn = charge_of(payment, fee=300, amount=10_823, currency="USD")
    books.store(txn)
    books.book()
    assert books.match() == 1
    assert books.balances() == {
        PENDING: 10_523,
        FEES: 300,
        "equity:exchange EUR": 10_000,
        "equity:exchange USD": -10_823,
    }
    assert len(books.entries(f"{txn.id}:exchanged")) == 1


def test_one_that_cannot_be_booked_is_kept_with_its_reason_and_holds_nobody_up(
    books: Books,
) -> None:
    wrong, odd = moved("topup", 5_000, net=4_000), moved("topup", 5_000, currency="ISK")
    sound = moved("topup", 700)
    books.store(wrong, odd, sound)
    assert books.book() == 1
    assert books.balances() == {PENDING: 700, CLEARING: -700}
    assert books.row(wrong.id).fault == "net 4000 is not amount 5000 less fee 0"
    assert books.row(odd.id).fault == "the ledger does not count ISK as Stripe does"
    assert (books.row(odd.id).booked, books.row(sound.id).booked) == ("nothing", "pending")


def test_what_is_told_after_the_books_were_closed_goes_into_the_open_period(books: Books) -> None:
    with books.shop.engine.begin() as connection:
        ledger.close_books(connection, NOW + DAY)
    txn = moved("topup", 700)
    books.store(txn)
    assert books.book() == 1
    with books.shop.engine.connect() as connection:
        [entry] = ledger.entries_of_effects(connection, [f"{txn.id}:topped_up"])
    assert entry.occurred_at > NOW + DAY


def test_an_entry_of_another_amount_is_no_match(books: Books) -> None:
    payment = books.payment(10_000)
    books.charged(payment)
    txn = charge_of(payment, amount=9_999)
    books.store(txn)
    books.book()
    assert books.match() == 0
    fault = f"moved 9999 USD, but {payment.id}:charged booked 10000"
    assert books.row(txn.id).fault == fault


def test_one_entry_explains_one_transaction_only(books: Books) -> None:
    payment = books.payment()
    books.charged(payment)
    first, second = charge_of(payment), charge_of(payment)
    books.store(first, second)
    books.book()
    assert books.match() == 1
    assert books.match() == 0
    faults = [books.row(txn.id).fault for txn in (first, second)]
    assert faults == [None, f"{payment.id}:charged belongs to {first.id} already"]


def test_a_payment_whose_money_moved_unheard_of_is_put_up_for_polling(books: Books) -> None:
    payment = books.payment()
    books.store(charge_of(payment))
    books.book()
    assert books.ask(NOW + dt.timedelta(minutes=9)) == []
    later = NOW + dt.timedelta(minutes=11)
    assert books.ask(later) == [payment.id]
    assert books.ask(later + dt.timedelta(minutes=1)) == []
    with books.shop.engine.connect() as connection:
        row = connection.exec_driver_sql(
            "SELECT poll_at FROM strongroom.payments WHERE id = %s", (payment.id,)
        ).one()
    assert row.poll_at == later
    assert books.ask(later + dt.timedelta(hours=1)) == [payment.id]
    books.charged(payment)
    books.match()
    assert books.ask(later + dt.timedelta(hours=3)) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE strongroom.balance_transactions SET amount = 1",
        "UPDATE strongroom.balance_transactions SET fee = 0, net = amount",
        "DELETE FROM strongroom.balance_transactions",
        "UPDATE strongroom.payouts SET amount = 1",
        "DELETE FROM strongroom.payouts",
        "INSERT INTO strongroom.balance_cursor (provider) VALUES ('other')",
    ],
)
def test_what_stripe_said_cannot_be_changed(books: Books, change: str) -> None:
    books.store(moved("topup", 700))
    refused = pytest.raises(ProgrammingError, match=r"not allowed|permission denied")
    with refused, books.shop.engine.begin() as connection:
        connection.exec_driver_sql(change)


def test_an_amount_is_a_whole_number_and_the_booked_sums_are_right(books: Books) -> None:
    txn = moved("topup", 700, net=600)
    books.store(txn)
    for statement in (
        "UPDATE strongroom.balance_transactions SET booked = 'pending'",
        "SELECT CAST(0.5 AS strongroom.signed_minor_units)",
        "SELECT CAST('NaN' AS strongroom.signed_minor_units)",
    ):
        with pytest.raises(IntegrityError), books.shop.engine.begin() as connection:
            connection.exec_driver_sql(statement)
