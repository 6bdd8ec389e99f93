"""Releases of card money: once for each reference, never more than is held, parts to the unit."""

import pytest

from payments.access.caller import Role
from payments.database import transaction
from payments.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    ReferenceReusedError,
    StrongroomError,
)
from payments.payouts.read_payouts import payout_of
from payments.releases.read_releases import list_releases, newest_releases, read_release
from payments.releases.releasable import lock_source
from tests.payments.releases.till import Till
from tests.payments.shop import SERVICE, new_party, new_reference, person

AMOUNT, FEE, TAX = 11_900, 500, 1_900
REST = AMOUNT - FEE - TAX


def refused(till: Till, *args: object, **asked: object) -> StrongroomError:
    with pytest.raises(StrongroomError) as caught:
        till.release(*args, **asked)  # type: ignore[arg-type] # whatever it takes
    till.assert_sound()
    return caught.value


def test_all_of_an_order_is_released_once_with_its_fee_tax_and_payout(till: Till) -> None:
    order, reference = till.paid(), new_reference()
    first = till.release(order, reference=reference)
    again = till.release(order, reference=reference)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.resource.as_json() == again.resource.as_json()
    release = first.resource.as_json()
    assert {
        "amount": str(AMOUNT),
        "platform_fee": str(FEE),
        "tax": str(TAX),
        "set_off": "0",
        "seller_amount": str(REST),
        "status": "posted",
        "needs_approval": False,
        "requested_by": SERVICE.principal,
        "failure": None,
        "transaction": None,
        "escrow_id": None,
    }.items() <= release.items()
    assert till.lines(f"{release['id']}:posted") == {
        f"liabilities:escrow:{order.id}": AMOUNT,
        "income:platform-fees": -FEE,
        "liabilities:tax": -TAX,
        f"liabilities:seller:{till.seller_id}": -REST,
    }
    assert till.held(order) == (0, 0)
    with transaction(till.engine) as session:
        payout = payout_of(session, first.resource.id)
    assert payout is not None
    assert (payout.amount, payout.seller_id) == (REST, till.seller_id)
    assert release["payout"] == {"id": payout.id, "status": payout.status}
    assert till.told(first.resource.id) == [release]
    till.assert_sound()


def test_parts_add_up_to_the_whole_and_leave_nothing(till: Till) -> None:
    order = till.paid()
    released = [till.release(order, amount).resource.row for amount in (1, 3_333, 3_333)]
    released.append(till.release(order).resource.row)
    assert sum(row.amount for row in released) == AMOUNT
    assert sum(row.platform_fee for row in released) == FEE
    assert sum(row.tax for row in released) == TAX
    assert till.owed() == REST
    assert refused(till, order).code == "release_exceeds_held"


def test_no_more_is_released_than_is_held_and_free(till: Till) -> None:
    order = till.paid()
    assert refused(till, order, AMOUNT + 1).code == "release_exceeds_held"
    till.refund(order, 2_000, "pending")
    error = refused(till, order, AMOUNT - 1_999)
    assert error.errors == {"amount": ["At most 9900 can be released."]}
    till.dispute(order, 9_000)
    assert till.release(order).resource.row.amount == 900
    assert refused(till, order, 1).errors == {"amount": ["Nothing can be released."]}


def test_what_was_paid_twice_is_not_the_sellers(till: Till) -> None:
    order = till.paid()
    first = till.payment_of(order)
    second = till.charge(order)
    assert till.held(order) == (2 * AMOUNT, 2 * AMOUNT)
    till.refund(order, 900)
    assert till.release(order).resource.row.amount == AMOUNT - 900
    assert [row.payment_id for row in till.releases(order)] == [first.id]
    assert refused(till, order, 1).code == "release_exceeds_held"
    assert till.held(order) == (AMOUNT, AMOUNT)
    assert second.id != first.id


def test_what_is_on_its_way_back_is_not_released_by_its_own_name_either(till: Till) -> None:
    """As of an escrow that was funded after the order was paid."""
    order = till.paid()
    second = till.charge(order)
    with transaction(till.engine) as session:
        with pytest.raises(ConflictError) as refused:
            lock_source(session, order_id=order.id, payment_id=second.id)
        assert refused.value.code == "order_not_paid"
        first = till.payment_of(order).id
        assert lock_source(session, order_id=order.id, payment_id=first).payment.id == first


def test_the_same_reference_stands_for_one_release(till: Till) -> None:
    order, reference = till.paid(), new_reference()
    till.release(order, 100, reference=reference)
    for amount in (101, None):
        with pytest.raises(ReferenceReusedError):
            till.release(order, amount, reference=reference)
    assert len(till.releases(order)) == 1


def test_a_refused_reference_may_be_used_again(till: Till) -> None:
    order, reference = till.paid(), new_reference()
    assert refused(till, order, AMOUNT + 1, reference=reference).code == "release_exceeds_held"
    assert till.release(order, reference=reference).resource.status == "posted"


def test_an_order_that_is_not_paid_has_nothing_to_release(till: Till) -> None:
    error = refused(till, till.shop.order())
    assert isinstance(error, ConflictError)
    assert error.code == "order_not_paid"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"order_id": None}, "order_id"),
        ({"escrow_id": "esc_1"}, "order_id"),
    ],
)
def test_what_is_not_a_release_is_named(till: Till, asked: dict[str, object], field: str) -> None:
    error = refused(till, till.paid(), **asked)
    assert isinstance(error, InvalidRequestError)
    assert error.errors.keys() == {field}


@pytest.mark.parametrize("asked", [{"order_id": "ord_none"}, {"escrow_id": "esc_none"}])
def test_what_is_not_there_is_not_released(till: Till, asked: dict[str, object]) -> None:
    assert isinstance(refused(till, None, **asked), NotFoundError)


def test_nothing_is_released_to_a_seller_nobody_knows(till: Till) -> None:
    order = till.paid()
    till.know("none")
    error = refused(till, order)
    assert isinstance(error, ForbiddenError)
    assert error.code == "kyc_required"
    till.know("full")
    assert till.release(order).resource.status == "posted"


def test_much_money_waits_for_a_second_person_with_its_money_held(till: Till) -> None:
    order = till.paid(1_000_000, rate="0")
    just = till.release(order, 999_999)
    assert just.resource.status == "posted"
    other = till.paid(1_000_001, rate="0")
    waiting = till.release(other).resource
    assert (waiting.status, waiting.row.needs_approval) == ("requested", True)
    assert till.held(other) == (1_000_001, 0)
    assert till.lines(f"{waiting.id}:posted") == {}
    limited = till.release(till.paid(), 101, approval_above={"EUR": 100}).resource
    assert limited.status == "requested"
    assert till.release(till.paid(), 100, approval_above={"EUR": 100}).resource.status == "posted"
    till.assert_sound()


def test_many_small_parts_of_an_order_need_a_second_person_as_one_would(till: Till) -> None:
    order = till.paid()
    limit = {"EUR": 5_000}
    statuses = [
        till.release(order, amount, approval_above=limit).resource.status
        for amount in (3_000, 2_001, 2_000, 1)
    ]
    assert statuses == ["posted", "requested", "posted", "requested"]
    for waiting in till.releases(order):
        if waiting.status == "requested":
            till.approve(waiting.id)
    assert till.release(order, 1, approval_above=limit).resource.status == "requested"
    assert till.release(till.paid(), 5_000, approval_above=limit).resource.status == "posted"
    till.assert_sound()


def test_the_parties_see_releases_and_nobody_else(till: Till) -> None:
    order = till.paid()
    release = till.release(order).resource
    stranger = person(new_party(till.engine, "Eve"), Role.SELLER)
    for caller in (till.shop.buyer, till.shop.seller, SERVICE):
        with transaction(till.engine) as session:
            seen = read_release(session, caller=caller, release_id=release.id, chains={})
            assert seen.as_json() == release.as_json()
            listed = list_releases(session, caller=caller, order_id=order.id, chains={})
            assert [view.id for view in listed] == [release.id]
    with transaction(till.engine) as session:
        with pytest.raises(NotFoundError):
            read_release(session, caller=stranger, release_id=release.id, chains={})
        with pytest.raises(NotFoundError):
            list_releases(session, caller=stranger, order_id=order.id, chains={})
        newest = newest_releases(session, order_id=order.id, status="posted", limit=5)
        assert [row.id for row in newest] == [release.id]
        assert newest_releases(session, order_id=order.id, status="failed", limit=5) == []
