"""People match, split, discard and undo; every word of theirs is an entry, and nothing is lost."""

from typing import Any

import pytest

from payments.database import transaction
from payments.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ReferenceReusedError,
)
from payments.idempotency import Answered
from payments.reconciliation.book_lines import book_leftovers, book_matches
from payments.reconciliation.judge_line import WantedPart, discard_line, match_line
from payments.reconciliation.matching.model import Leftover, Match, Part
from payments.reconciliation.undo_match import undo_match
from payments.reconciliation.view_match import MatchView, expectation_name
from tests.payments.bank_shop import ToldByBank
from tests.payments.reconciliation.desk import FINANCE, Desk, money_in
from tests.payments.shop import new_reference


def match(
    desk: Desk, line_id: str, *parts: WantedPart, reference: str | None = None, **more: Any
) -> Answered[MatchView]:
    with transaction(desk.engine) as session:
        return match_line(
            session,
            caller=FINANCE,
            reference=reference or new_reference(),
            line_id=line_id,
            parts=parts,
            reason=more.get("reason"),
            now=desk.now,
        )


def undo(desk: Desk, match_id: str, reference: str | None = None) -> Answered[MatchView]:
    with transaction(desk.engine) as session:
        return undo_match(
            session,
            caller=FINANCE,
            reference=reference or new_reference(),
            match_id=match_id,
            reason="it was another one",
            now=desk.now,
        )


def expected(desk: Desk, amount: int = 10_000) -> str:
    """Return what is expected of a payment that was told of as settled."""
    payment = desk.payment(amount)
    desk.tell(ToldByBank(payment).settled(amount=amount))
    desk.run()
    return expectation_name(desk.expectations()[-1].id)


def test_a_line_is_matched_with_what_was_expected(desk: Desk) -> None:
    name = expected(desk)
    [line_id] = desk.statement(money_in(10_000, "no reference at all"))
    answered = match(desk, line_id, WantedPart(expectation_id=name), reason="Ada rang")
    made = answered.resource
    assert (made.rule, made.certainty, made.reason) == ("by_hand", 100, "Ada rang")
    assert [(part.expectation_id, part.amount) for part in made.parts] == [(name, 10_000)]
    assert desk.balances() == {"main": 10_000, "clearing": 0, "suspense": 0}
    assert desk.line(line_id).state == "matched"


def test_a_line_is_split_over_what_was_expected_and_an_account(desk: Desk) -> None:
    one, other = expected(desk, 10_000), expected(desk, 5_000)
    [line_id] = desk.statement(money_in(14_400))
    desk.run()
    match(
        desk,
        line_id,
        WantedPart(expectation_id=one),
        WantedPart(expectation_id=other),
        WantedPart(account="expenses:bank:fees"),
    )
    assert desk.balance("expenses:bank:fees") == 600
    assert desk.balances() == {"main": 14_400, "clearing": 0, "suspense": 0}


def test_parts_that_do_not_add_up_are_refused_with_the_difference(desk: Desk) -> None:
    name = expected(desk)
    [line_id] = desk.statement(money_in(9_000))
    with pytest.raises(ConflictError, match="differ by -1000") as refused:
        match(desk, line_id, WantedPart(expectation_id=name))
    assert refused.value.code == "amounts_differ"
    assert desk.line(line_id).state == "new"
    match(desk, line_id, WantedPart(expectation_id=name, amount=9_000))
    [line_id] = desk.statement(money_in(2_000))
    with pytest.raises(ConflictError, match="1000 is open") as refused:
        match(desk, line_id, WantedPart(expectation_id=name, amount=2_000))
    assert refused.value.code == "expectation_not_open"


def test_a_line_for_a_payment_is_money_received_for_it(desk: Desk) -> None:
    payment = desk.payment(10_000)
    [line_id] = desk.statement(money_in(10_000, "from Ada's mother"))
    desk.run()
    match(desk, line_id, WantedPart(payment_id=payment.id))
    assert desk.status(payment) == "succeeded"
    [receipt] = desk.receipts(payment)
    assert (receipt.source, receipt.receipt_ref) == ("statement", line_id)
    assert desk.balances() == {"main": 10_000, "clearing": 0, "suspense": 0}


def test_one_line_pays_two_payments(desk: Desk) -> None:
    one, other = desk.payment(10_000), desk.payment(5_000)
    [line_id] = desk.statement(money_in(15_000))
    match(
        desk, line_id, WantedPart(payment_id=one.id, amount=10_000), WantedPart(payment_id=other.id)
    )
    assert (desk.status(one), desk.status(other)) == ("succeeded", "succeeded")
    assert desk.balances() == {"main": 15_000, "clearing": 0, "suspense": 0}


def test_what_the_provider_told_of_is_not_received_again(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.tell(ToldByBank(payment).settled(amount=10_000))
    [line_id, other_id] = desk.statement(money_in(10_000), money_in(4_000))
    with pytest.raises(ConflictError, match="match that instead"):
        match(desk, other_id, WantedPart(payment_id=payment.id))
    match(desk, line_id, WantedPart(payment_id=payment.id))
    assert len(desk.receipts(payment)) == 1
    assert desk.balances()["clearing"] == 0


def test_suspended_money_goes_back_with_a_line_of_ours(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.statement(money_in(10_500, f"{payment.bank_reference}"))
    desk.run()
    [receipt] = desk.receipts(payment)
    [line_id, more_id] = desk.statement(money_in(-500, "sorry, Ada"), money_in(-400))
    with pytest.raises(ConflictError):
        match(desk, desk.statement(money_in(500))[0], WantedPart(receipt_id=receipt.id))
    match(desk, line_id, WantedPart(receipt_id=receipt.id))
    assert desk.balances() == {"main": 10_000, "clearing": 0, "suspense": 0}
    assert desk.receipts(payment)[0].amount_returned == 500
    with pytest.raises(ConflictError) as refused:
        match(desk, more_id, WantedPart(receipt_id=receipt.id))
    assert refused.value.code == "receipt_not_suspended"


def test_a_card_payment_takes_no_money_from_a_bank(desk: Desk) -> None:
    payment = desk.shop.payment(desk.shop.order(10_000, rate="0"))
    [line_id] = desk.statement(money_in(10_000))
    with pytest.raises(ConflictError) as refused:
        match(desk, line_id, WantedPart(payment_id=payment.id))
    assert refused.value.code == "payment_refuses_money"


def test_a_reference_is_answered_again_and_not_done_again(desk: Desk) -> None:
    payment = desk.payment(10_000)
    [line_id] = desk.statement(money_in(10_000))
    reference = new_reference()
    made = match(desk, line_id, WantedPart(payment_id=payment.id), reference=reference)
    again = match(desk, line_id, WantedPart(payment_id=payment.id), reference=reference)
    assert (again.replayed, again.resource) == (True, made.resource)
    with pytest.raises(ReferenceReusedError):
        match(desk, line_id, WantedPart(account="equity:adjustments"), reference=reference)
    with pytest.raises(ConflictError) as refused:
        match(desk, line_id, WantedPart(account="equity:adjustments"))
    assert refused.value.code == "line_not_open"


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (WantedPart(),),
        (WantedPart(account="equity:adjustments", payment_id="pay_1"),),
        (WantedPart(account="liabilities:escrow:ord_1"),),
        (WantedPart(expectation_id="exp_x"),),
        (WantedPart(account="equity:adjustments", amount=0),),
        (WantedPart(expectation_id="exp_1"), WantedPart(expectation_id="exp_1")),
        (WantedPart(account="equity:adjustments"), WantedPart(account="equity:owners")),
    ],
)
def test_parts_that_name_nothing_usable_are_refused(
    desk: Desk, parts: tuple[WantedPart, ...]
) -> None:
    [line_id] = desk.statement(money_in(100))
    with pytest.raises(InvalidRequestError):
        match(desk, line_id, *parts)


def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    [line_id] = desk.statement(money_in(100))
    with pytest.raises(NotFoundError):
        match(desk, "stl_none", WantedPart(account="equity:adjustments"))
    with pytest.raises(NotFoundError):
        match(desk, line_id, WantedPart(expectation_id="exp_999999"))
    with pytest.raises(NotFoundError):
        match(desk, line_id, WantedPart(payment_id="pay_none"))
    with pytest.raises(NotFoundError):
        undo(desk, "mat_none")


def test_a_match_is_undone_and_no_run_makes_it_again(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.tell(ToldByBank(payment).settled(amount=10_000))
    [line_id] = desk.statement(money_in(10_000, f"{payment.bank_reference}"))
    desk.run()
    [made] = desk.matches(line_id)
    reference = new_reference()
    undone = undo(desk, made.id, reference).resource
    assert (undone.state, undone.undo_reason) == ("undone", "it was another one")
    assert undo(desk, made.id, reference).replayed
    assert desk.balances() == {"main": 10_000, "clearing": 10_000, "suspense": -10_000}
    line = desk.line(line_id)
    assert (line.state, line.booked, line.reason) == ("unmatched", "suspense", "undone")
    desk.run()
    assert desk.line(line_id).state == "unmatched"
    with pytest.raises(ConflictError) as refused:
        undo(desk, made.id)
    assert refused.value.code == "match_undone"
    name = expectation_name(desk.expectations()[0].id)
    match(desk, line_id, WantedPart(expectation_id=name))
    assert desk.balances() == {"main": 10_000, "clearing": 0, "suspense": 0}


def test_no_run_receives_a_line_that_a_person_took_back(desk: Desk) -> None:
    payment = desk.payment(10_000)
    [line_id] = desk.statement(money_in(10_000, f"{payment.bank_reference}"))
    undo(desk, match(desk, line_id, WantedPart(account="equity:adjustments")).resource.id)
    desk.run()
    assert desk.line(line_id).reason == "undone"
    assert desk.receipts(payment) == []


def test_a_run_makes_no_match_of_a_line_that_was_judged_meanwhile(desk: Desk) -> None:
    [line_id] = desk.statement(money_in(-500))
    match(desk, line_id, WantedPart(account="equity:adjustments"))
    late = Match(line_id, (Part(-500, account="expenses:bank:fees"),), "bank_charge", 95, "late")
    with transaction(desk.engine) as session:
        made = book_matches(session, [late], run_id=None, made_by="run:x", now=desk.now)
        left = book_leftovers(session, [Leftover(line_id, "no_reference")], now=desk.now)
    assert (made, left) == ([], 0)
    assert desk.line(line_id).state == "matched"


def test_a_receipt_stays_when_its_match_is_undone(desk: Desk) -> None:
    wrong, right = desk.payment(10_000), desk.payment(10_000)
    [line_id] = desk.statement(money_in(10_000))
    made = match(desk, line_id, WantedPart(payment_id=wrong.id)).resource
    undo(desk, made.id)
    assert desk.status(wrong) == "succeeded"
    assert desk.balances() == {"main": 10_000, "clearing": 10_000, "suspense": -10_000}
    match(desk, line_id, WantedPart(payment_id=right.id))
    assert desk.status(right) == "succeeded"
    assert [row.receipt_ref for row in desk.receipts(right)] == [f"{line_id}/{right.id}"]
    assert desk.balances() == {"main": 10_000, "clearing": 10_000, "suspense": 0}


def test_undone_and_matched_again_with_the_same_payment_is_one_receipt(desk: Desk) -> None:
    payment = desk.payment(10_000)
    [line_id] = desk.statement(money_in(10_000))
    undo(desk, match(desk, line_id, WantedPart(payment_id=payment.id)).resource.id)
    match(desk, line_id, WantedPart(payment_id=payment.id))
    assert len(desk.receipts(payment)) == 1
    assert desk.balances() == {"main": 10_000, "clearing": 0, "suspense": 0}


def test_a_line_that_is_not_ours_is_discarded_and_taken_back(desk: Desk) -> None:
    [line_id] = desk.statement(money_in(-5_000, "the landlord"))
    desk.run()
    with transaction(desk.engine) as session:
        made = discard_line(
            session,
            caller=FINANCE,
            reference=new_reference(),
            line_id=line_id,
            reason="paid out of the other books",
            now=desk.now,
        ).resource
    assert desk.line(line_id).state == "discarded"
    assert desk.balance("assets:suspense:discarded") == 5_000
    assert desk.balances()["suspense"] == 0
    undo(desk, made.id)
    assert desk.balance("assets:suspense:discarded") == 0
    assert desk.line(line_id).state == "unmatched"
