"""Payments are shown to the two parties of their order, to the backend and to the staff."""

import pytest
from sqlalchemy import Engine

from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.errors import NotFoundError
from payments.intake.read_payment import list_payments, read_payment
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView
from payments.pages import Page
from tests.payments.shop import SERVICE, Shop, new_party, open_shop, person


@pytest.fixture(scope="module")
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


@pytest.fixture(scope="module")
def payments(shop: Shop) -> list[Payment]:
    return [shop.payment(shop.order()) for _ in range(5)]


def page(engine: Engine, caller: Caller, **wanted: object) -> Page[PaymentView]:
    with transaction(engine) as session:
        return list_payments(session, caller=caller, **wanted)  # type: ignore[arg-type] # as given


def test_who_sees_a_payment(shop: Shop, engine: Engine, payments: list[Payment]) -> None:
    finance = Caller(principal="key:finance", role=Role.FINANCE)
    with transaction(engine) as session:
        for caller in (shop.buyer, shop.seller, SERVICE, finance):
            seen = read_payment(session, caller=caller, payment_id=payments[0].id)
            assert (seen.id, seen.amount) == (payments[0].id, 11_900)
        for caller, payment_id in (
            (person(new_party(engine)), payments[0].id),
            (SERVICE, "pay_unknown"),
        ):
            with pytest.raises(NotFoundError, match="no such payment"):
                read_payment(session, caller=caller, payment_id=payment_id)


def test_a_list_holds_only_ones_own_newest_first(
    shop: Shop, engine: Engine, payments: list[Payment]
) -> None:
    newest_first = sorted((payment.id for payment in payments), reverse=True)
    for caller in (shop.buyer, shop.seller):
        assert [seen.id for seen in page(engine, caller).data] == newest_first
    assert page(engine, person(new_party(engine))) == Page([], None)
    assert set(newest_first) <= {seen.id for seen in page(engine, SERVICE, limit=200).data}


def test_pages_join_without_gap_or_repeat(
    shop: Shop, engine: Engine, payments: list[Payment]
) -> None:
    seen: list[str] = []
    after: str | None = None
    for size in (2, 2, 1):
        read = page(engine, shop.buyer, limit=2, after=after)
        assert len(read.data) == size
        seen += [payment.id for payment in read.data]
        after = read.next
    assert after is None
    assert seen == sorted((payment.id for payment in payments), reverse=True)


def test_a_list_can_be_of_one_order(engine: Engine, payments: list[Payment]) -> None:
    wanted = payments[2]
    assert [seen.id for seen in page(engine, SERVICE, order_id=wanted.order_id).data] == [wanted.id]
    stranger = person(new_party(engine))
    assert page(engine, stranger, order_id=wanted.order_id).data == []
