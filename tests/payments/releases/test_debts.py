"""What goes back after a release is the seller's debt, and pays itself out of what comes next."""

from tests.payments.releases.till import Till

AMOUNT, REST = 11_900, 9_500


def owing(till: Till, amount: int = AMOUNT) -> None:
    """Release an order and have its buyer win a dispute: the seller owes that much."""
    order = till.paid()
    till.release(order)
    till.dispute(order, amount, "lost")
    assert till.debt() == amount


def test_a_debt_is_set_off_against_the_next_releases_until_it_is_paid(till: Till) -> None:
    owing(till)
    first = till.release(till.paid()).resource
    assert (first.row.set_off, first.as_json()["seller_amount"]) == (REST, "0")
    assert first.payout is None
    assert till.debt() == AMOUNT - REST
    second = till.release(till.paid()).resource
    assert second.row.set_off == AMOUNT - REST
    assert second.as_json()["seller_amount"] == str(REST - (AMOUNT - REST))
    assert till.lines(f"{second.id}:posted") == {
        f"liabilities:escrow:{second.row.order_id}": AMOUNT,
        "income:platform-fees": -500,
        "liabilities:tax": -1_900,
        f"assets:debts:{till.seller_id}": -(AMOUNT - REST),
        f"liabilities:seller:{till.seller_id}": -(REST - (AMOUNT - REST)),
    }
    assert till.debt() == 0
    assert till.release(till.paid()).resource.row.set_off == 0
    till.assert_sound()


def test_the_fee_of_what_was_released_is_not_given_back(till: Till) -> None:
    order = till.paid()
    till.release(order)
    till.refund(order, 4_000)
    assert till.debt() == 4_000
    row = till.release(till.paid()).resource.row
    assert (row.platform_fee, row.tax, row.set_off) == (500, 1_900, 4_000)
    till.assert_sound()


def test_of_what_went_back_before_no_fee_is_taken(till: Till) -> None:
    order = till.paid()
    till.refund(order, 5_950)
    row = till.release(order).resource.row
    assert (row.amount, row.platform_fee, row.tax) == (5_950, 250, 950)
    till.assert_sound()


def test_a_part_that_was_released_is_a_debt_and_the_rest_is_not(till: Till) -> None:
    order = till.paid()
    till.release(order, 7_900)
    till.refund(order, 6_000)
    assert (till.held(order), till.debt()) == ((0, 0), 2_000)
    till.assert_sound()


def test_money_that_comes_back_pays_a_debt_no_more_than_it_is_owed(till: Till) -> None:
    order = till.paid()
    pending = till.refund(order, AMOUNT, "pending")
    till.dispute(order, AMOUNT, "lost")
    assert till.debt() == AMOUNT
    till.release(till.paid())
    assert till.debt() == AMOUNT - REST
    till.refund(order, AMOUNT, "failed", pending)
    assert (till.debt(), till.held(order)) == (0, (REST, REST))
    till.assert_sound()


def test_a_refund_that_comes_back_after_its_debt_was_set_off_is_owed_to_the_seller(
    till: Till,
) -> None:
    order = till.paid()
    till.release(order)
    ref = till.refund(order, 3_000)
    till.release(till.paid())
    assert till.debt() == 0
    till.refund(order, 3_000, "failed", ref)
    assert till.debt() == -3_000
    assert till.release(till.paid()).resource.row.set_off == 0
    owing_again = till.paid()
    till.release(owing_again)
    till.refund(owing_again, 1_000)
    assert till.debt() == -2_000
    till.assert_sound()
