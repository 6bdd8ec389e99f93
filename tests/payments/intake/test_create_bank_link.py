"""A bank payment on a page of TrueLayer's: made once, its payer known there, its address secret."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select

from payments import bank_reference
from payments.database import transaction
from payments.errors import ConflictError, InvalidRequestError, NotFoundError, UnavailableError
from payments.intake import create_bank_link as module
from payments.intake.poll_payments import poll_payments
from payments.intake.resolve_calls import resolve_calls
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.tables import Payment
from payments.parties.create_party import create_party
from payments.providers.connect import Providers
from payments.providers.facts import Processing
from tests.payments.conftest import Line
from tests.payments.intake.counter import BACK, OPEN_FOR, Counter
from tests.payments.shop import CIPHER, SERVICE, new_party, new_reference, person
from tests.payments.simulated_bank import Bank

pytestmark = pytest.mark.usefixtures("banks")

MAKING = {"path": "/v3/payments"}


def count(counter: Counter, order_id: str) -> int | None:
    found = select(func.count()).select_from(Payment).where(Payment.order_id == order_id)
    with transaction(counter.shop.engine) as session:
        return session.scalar(found)


def test_a_link_is_made_once_and_its_address_is_kept_encrypted(counter: Counter) -> None:
    order, reference = counter.shop.order(), new_reference()
    first = counter.link(order, reference=reference)
    again = counter.link(order, reference=reference)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.resource == again.resource
    assert count(counter, order.id) == 1
    row = counter.row(first.resource.payment.id)
    assert (row.rail, row.provider, row.status) == ("bank", "truelayer", "created")
    assert (row.amount, row.currency) == (order.amount, order.currency)
    assert bank_reference.is_valid(first.resource.bank_reference)
    assert first.resource.expires_at == row.created_at + OPEN_FOR
    told = first.resource.payment.as_event()["bank"]
    assert told["reference"] == first.resource.bank_reference == row.bank_reference
    to_page = parse_qs(urlsplit(first.resource.url or "").fragment)
    assert to_page["payment_id"] == [row.provider_ref]
    assert to_page["return_uri"] == [BACK]
    token = to_page["resource_token"][0].encode()
    assert token not in (row.link_url_encrypted or token)


def test_no_call_keeps_who_pays(counter: Counter) -> None:
    payment = counter.link().resource.payment
    [call] = counter.calls(payment.id, module.CALL)
    assert call.request == {"return_url": BACK}
    assert call.idempotency_key == f"{payment.id}:{module.CALL}"


def test_the_way_back_is_trusted(counter: Counter) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        counter.link(return_url="https://evil.test/")
    assert caught.value.errors.keys() == {"return_url"}


def test_a_currency_that_no_bank_takes_is_refused(counter: Counter) -> None:
    order = counter.shop.order(currency="CHF")
    with pytest.raises(ConflictError) as caught:
        counter.link(order)
    assert caught.value.code == "currency_not_supported"
    nobody = Providers(counter.stripe, banks={})
    with pytest.raises(ConflictError) as caught:
        counter.link(providers=nobody)
    assert caught.value.code == "currency_not_supported"
    assert counter.link(counter.shop.order(currency="GBP")).resource.url


def test_only_the_buyer_starts_it(counter: Counter) -> None:
    stranger = person(new_party(counter.shop.engine, "Eve"))
    with pytest.raises(NotFoundError):
        counter.link(caller=stranger)


def test_a_link_nobody_heard_of_is_found_by_asking_again(counter: Counter, bank: Bank) -> None:
    order, reference = counter.shop.order(), new_reference()
    bank.break_calls({"fault": "close", "when": "after", **MAKING})
    with pytest.raises(UnavailableError):
        counter.link(order, reference=reference)
    bank.break_calls()
    counter.wait(seconds=70)
    outcome = resolve_calls(
        counter.shop.engine, limit=50, now=counter.now, cipher=CIPHER, providers=counter.providers
    )
    assert outcome["done"] >= 1
    found = counter.link(order, reference=reference)
    assert found.replayed
    assert found.resource.url
    assert count(counter, order.id) == 1
    row = counter.row(found.resource.payment.id)
    assert bank.payments_of(row.id) == [row.provider_ref]


def test_the_same_request_again_goes_on_where_no_answer_came(counter: Counter, bank: Bank) -> None:
    order, reference = counter.shop.order(), new_reference()
    bank.break_calls({"fault": "close", "when": "after", "times": 1, **MAKING})
    with pytest.raises(UnavailableError):
        counter.link(order, reference=reference)
    found = counter.link(order, reference=reference)
    assert (found.replayed, count(counter, order.id)) == (False, 1)
    row = counter.row(found.resource.payment.id)
    assert bank.payments_of(row.id) == [row.provider_ref]
    assert bank.shown(row.provider_ref) == "authorization_required"


def test_what_the_bank_refuses_gives_the_reference_back(counter: Counter, bank: Bank) -> None:
    order, reference = counter.shop.order(), new_reference()
    bank.break_calls({"fault": "answer", "status": 400, "times": 1, **MAKING})
    with pytest.raises((ConflictError, InvalidRequestError)):
        counter.link(order, reference=reference)
    again = counter.link(order, reference=reference)
    assert not again.replayed
    assert again.resource.payment.status == "created"


def test_a_reference_that_is_taken_is_drawn_again(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = counter.link().resource.bank_reference
    drawn = iter([taken, taken, bank_reference.new_reference()])
    monkeypatch.setattr(module, "new_reference", lambda: next(drawn))
    other = counter.link().resource
    assert other.bank_reference != taken


# ---- one payment of an order at a time ---------------------------------------------------------


def poll(counter: Counter) -> None:
    poll_payments(counter.shop.engine, limit=500, now=counter.now, providers=counter.providers)


def test_a_newer_card_payment_closes_the_link(counter: Counter, bank: Bank) -> None:
    order = counter.shop.order()
    older = counter.link(order).resource.payment
    newer = counter.start(order)
    poll(counter)
    row = counter.row(older.id)
    assert (row.status, bank.shown(row.provider_ref)) == ("canceled", "failed")
    assert counter.confirm(newer.id).resource.status == "succeeded"


def test_a_newer_link_takes_the_place_of_a_card_payment(counter: Counter) -> None:
    order = counter.shop.order()
    older = counter.start(order)
    newer = counter.link(order).resource.payment
    with pytest.raises(ConflictError) as caught:
        counter.confirm(older.id)
    assert caught.value.code == "payment_not_confirmable"
    poll(counter)
    assert counter.row(older.id).status == "canceled"
    assert counter.row(newer.id).status == "created"


def on_its_way(counter: Counter, payment_id: str) -> None:
    row = counter.row(payment_id)
    executed = Processing(
        provider=row.provider,
        provider_ref=row.provider_ref,
        payment_id=row.id,
        occurred_at=counter.now,
        provider_status="executed",
    )
    with transaction(counter.shop.engine) as session:
        record_facts(session, [SourcedFact(executed, "test")], now=counter.now)


def test_money_on_its_way_keeps_every_other_payment_out(counter: Counter) -> None:
    order, reference = counter.shop.order(), new_reference()
    link = counter.link(order, reference=reference).resource
    card = counter.shop.payment(order)
    on_its_way(counter, link.payment.id)
    for another in (
        lambda: counter.link(order),
        lambda: counter.start(order),
        lambda: counter.confirm(card.id),
    ):
        with pytest.raises(ConflictError) as caught:
            another()
        assert caught.value.code == "payment_in_progress"
    replay = counter.link(order, reference=reference).resource
    assert (replay.url, replay.payment.status) == (None, "processing")


def test_a_link_is_not_confirmed_from_our_side(counter: Counter, line: Line) -> None:
    payment = counter.link().resource.payment
    with pytest.raises(ConflictError) as caught:
        counter.confirm(payment.id)
    assert caught.value.code == "payment_not_confirmable"
    assert line.keys == []


def test_a_paid_order_takes_no_link(counter: Counter) -> None:
    order = counter.shop.order()
    counter.confirm(counter.start(order).id)
    with pytest.raises(ConflictError) as caught:
        counter.link(order)
    assert caught.value.code == "order_not_open"


def test_a_buyer_without_an_e_mail_address_is_told_what_truelayer_needs(counter: Counter) -> None:
    with transaction(counter.shop.engine) as session:
        nameless = create_party(
            session,
            caller=SERVICE,
            reference=new_reference(),
            name="Ada",
            now=counter.now,
            cipher=CIPHER,
        ).resource.id
    order = replace(counter.shop, buyer_id=nameless).order()
    with pytest.raises(ConflictError, match="e-mail address") as caught:
        counter.link(order, caller=SERVICE)
    assert caught.value.code == "provider_refused"
