"""The queue shows what nothing explains, with age and reason, and finds it again."""

import datetime as dt
from typing import Any

import pytest

from payments.database import transaction
from payments.errors import InvalidRequestError
from payments.pages import Page
from payments.reconciliation import unmatched
from payments.reconciliation.unmatched import UnmatchedItem, Wanted, list_unmatched
from tests.payments.bank_shop import ToldByBank
from tests.payments.reconciliation.desk import TODAY, Desk, money_in
from tests.payments.shop import CIPHER

DAY = dt.timedelta(days=1)


def page(
    desk: Desk, *, limit: int = 20, after: str | None = None, hidden: bool = False, **wanted: Any
) -> Page[UnmatchedItem]:
    with transaction(desk.engine) as session:
        return list_unmatched(
            session,
            Wanted(**wanted),
            limit=limit,
            after=after,
            cipher=None if hidden else CIPHER,
            now=desk.now,
        )


def ids(desk: Desk, **wanted: Any) -> list[str]:
    return [item.id for item in page(desk, **wanted).data]


def a_queue(desk: Desk) -> tuple[list[str], str, str]:
    """Return lines, a receipt and an expectation that nothing explains, the oldest first."""
    late = desk.payment(4_000)
    desk.tell(ToldByBank(late).settled(amount=4_000))
    short = desk.payment(10_000)
    lines = desk.statement(
        money_in(-2_300, "office rent", name="Landlord Ltd", booked_on=TODAY - 3 * DAY),
        money_in(777, "who is this", name="Zoë Ärmel"),
        money_in(6_000, f"{short.bank_reference}"),
    )
    desk.run()
    desk.now += 8 * DAY
    [receipt] = desk.receipts(short)
    [expectation] = [row for row in desk.expectations() if row.payment_id == late.id]
    return lines[:2], receipt.id, f"exp_{expectation.id}"


def test_everything_unexplained_is_in_the_queue_with_age_and_reason(desk: Desk) -> None:
    lines, receipt_id, expectation_id = a_queue(desk)
    found = page(desk)
    assert [(item.id, item.kind) for item in found.data] == [
        (lines[0], "line"),
        (lines[1], "line"),
        (receipt_id, "receipt"),
        (expectation_id, "expectation"),
    ]
    assert found.next is None
    rent, _, receipt, expectation = found.data
    assert (rent.amount, rent.reason, rent.age_days) == (-2_300, "no_reference", 11)
    assert rent.details is not None
    assert (rent.details.name, rent.details.text) == ("Landlord Ltd", "office rent")
    assert (receipt.amount, receipt.reason) == (6_000, "short")
    assert (expectation.amount, expectation.reason) == (4_000, "missing_at_bank")


def test_pages_follow_one_another_through_all_kinds(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_queue(desk)
    everything = ids(desk)
    monkeypatch.setattr(unmatched, "_READ_AT_ONCE", 1)
    seen: list[str] = []
    after = None
    while True:
        found = page(desk, limit=1, after=after)
        seen += [item.id for item in found.data]
        after = found.next
        if after is None:
            break
    assert seen == everything
    with pytest.raises(InvalidRequestError):
        page(desk, after="pay_1")


def test_items_are_found_by_what_people_know_of_them(desk: Desk) -> None:
    (rent, who), receipt_id, expectation_id = a_queue(desk)
    assert ids(desk, amount=2_300) == [rent]
    assert ids(desk, amount=-777) == [who]
    assert ids(desk, name="zoë ä") == [who]
    assert ids(desk, name="office") == [rent]
    assert ids(desk, kind="receipt") == [receipt_id]
    assert ids(desk, booked_to=TODAY - DAY) == [rent]
    assert ids(desk, kind="line", booked_from=TODAY) == [who]
    payment_id = page(desk, kind="receipt").data[0].payment_id
    assert ids(desk, reference=payment_id) == [receipt_id]
    provider_ref = page(desk, kind="expectation").data[0].provider_ref
    assert ids(desk, reference=provider_ref) == [expectation_id]


def test_a_reference_is_found_however_it_is_written(desk: Desk) -> None:
    one, other = desk.payment(1_000), desk.payment(1_000)
    [line_id] = desk.statement(money_in(500, f"{one.bank_reference} {other.bank_reference}"))
    desk.run()
    told = one.bank_reference or ""
    assert ids(desk, reference=f"{told[:4]} {told[4:]}".lower()) == [line_id]


def test_names_are_shown_to_nobody_who_may_not_read_them(desk: Desk) -> None:
    a_queue(desk)
    assert {item.details for item in page(desk, hidden=True).data} == {None}
    assert page(desk, hidden=True, name="zoë").data == []


def test_a_search_by_name_reads_so_many_lines_and_goes_on_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_, who), *_ = a_queue(desk)
    monkeypatch.setattr(unmatched, "MOST_READ", 1)
    first = page(desk, name="zoë")
    assert first.data == []
    assert [item.id for item in page(desk, name="zoë", after=first.next).data] == [who]


def test_a_line_of_the_right_amount_is_suggested_and_not_matched(desk: Desk) -> None:
    payment = desk.payment(4_321)
    desk.tell(ToldByBank(payment).settled(amount=4_321))
    desk.statement(money_in(4_321, "no reference"))
    desk.run()
    [item] = page(desk).data
    assert item.suggestion is not None
    assert item.suggestion["expectation_ids"] == [f"exp_{desk.expectations()[0].id}"]
    assert item.suggestion["certainty"] <= 60
