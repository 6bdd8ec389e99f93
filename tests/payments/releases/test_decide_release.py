"""Releases that wait: approved by somebody else, or taken back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from payments.database import transaction
from payments.errors import ConflictError, ForbiddenError, InvalidRequestError, NotFoundError
from payments.lifecycle.locked_payments import lock_payment
from payments.releases.decide_release import cancel_release
from tests.conditions import wait_until
from tests.payments.releases.till import FINANCE, Till
from tests.payments.shop import NOW, SERVICE, new_reference

AMOUNT = 11_900


def test_somebody_else_approves_and_it_is_carried_out_once(till: Till) -> None:
    order, reference = till.paid(), new_reference()
    waiting = till.waiting(order)
    first = till.approve(waiting.id, reference=reference)
    again = till.approve(waiting.id, reference=reference)
    assert (first.replayed, again.replayed) == (False, True)
    assert (first.resource.status, first.resource.row.approved_by) == ("posted", FINANCE.principal)
    assert first.resource.as_json() == again.resource.as_json()
    assert till.held(order) == (0, 0)
    assert [told["status"] for told in till.told(waiting.id)] == ["requested", "posted"]
    with pytest.raises(ConflictError) as caught:
        till.approve(waiting.id)
    assert caught.value.code == "release_not_approvable"
    till.assert_sound()


def test_whoever_asked_cannot_approve_and_the_database_says_so_too(till: Till) -> None:
    waiting = till.waiting(till.paid())
    with pytest.raises(ConflictError) as caught:
        till.approve(waiting.id, caller=SERVICE)
    assert caught.value.code == "second_person_needed"
    with pytest.raises(IntegrityError), transaction(till.engine) as session:
        session.execute(
            text("UPDATE strongroom.releases SET approved_by = requested_by WHERE id = :id"),
            {"id": waiting.id},
        )
    with pytest.raises(IntegrityError), transaction(till.engine) as session:
        session.execute(
            text("UPDATE strongroom.releases SET status = 'approved' WHERE id = :id"),
            {"id": waiting.id},
        )


def test_what_was_true_when_it_was_asked_must_be_true_when_it_is_approved(till: Till) -> None:
    order = till.paid()
    waiting = till.waiting(order, 5_000)
    till.know("none")
    with pytest.raises(ForbiddenError):
        till.approve(waiting.id)
    till.know("basic")
    freeze = till.freeze(order).resource
    with pytest.raises(ConflictError) as caught:
        till.approve(waiting.id)
    assert caught.value.code == "releases_frozen"
    till.thaw(freeze.id)
    ref = till.dispute(order, AMOUNT)
    with pytest.raises(ConflictError) as caught:
        till.approve(waiting.id)
    assert caught.value.code == "payment_disputed"
    till.dispute(order, AMOUNT, "won", ref)
    assert till.approve(waiting.id).resource.status == "posted"
    till.assert_sound()


def test_a_release_taken_back_frees_its_money(till: Till) -> None:
    order, reference = till.paid(), new_reference()
    waiting = till.waiting(order)
    first, again = (till.cancel(waiting.id, reference=reference) for _ in range(2))
    assert again.replayed
    assert first.resource.as_json() == again.resource.as_json()
    assert first.resource.as_json()["canceled"] == {
        "by": SERVICE.principal,
        "reason": "It came back.",
    }
    assert till.held(order) == (AMOUNT, AMOUNT)
    for decide in (till.approve, till.cancel):
        with pytest.raises(ConflictError):
            decide(waiting.id)
    row = till.release(order).resource.row
    assert (row.status, row.platform_fee, row.tax) == ("posted", 500, 1_900)
    till.assert_sound()


def test_a_release_is_taken_back_after_who_books_on_its_payment(till: Till) -> None:
    """Who books has the payment first, then releases and accounts in turns: so must we."""
    order = till.paid()
    waiting = till.waiting(order)
    with ThreadPoolExecutor(1) as threads:
        with transaction(till.engine) as session:
            lock_payment(session, till.payment_of(order).id)
            canceling = threads.submit(till.cancel, waiting.id)
            wait_until(lambda: canceling.done() or is_somebody_waiting(till.engine))
            assert not canceling.done()
        assert canceling.result().resource.status == "canceled"


def is_somebody_waiting(engine: Engine) -> bool:
    query = (
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE datname = current_database() AND NOT granted"
    )
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(query).scalar_one()) > 0


def test_what_is_posted_cannot_be_taken_back(till: Till) -> None:
    posted = till.release(till.paid()).resource
    with pytest.raises(ConflictError) as caught:
        till.cancel(posted.id)
    assert caught.value.code == "release_not_cancelable"
    with pytest.raises(InvalidRequestError):
        cancel_release(
            till.engine,
            caller=SERVICE,
            reference=new_reference(),
            release_id=posted.id,
            reason=" ",
            chains={},
            now=NOW,
        )


def test_there_is_no_such_release(till: Till) -> None:
    for decide in (till.approve, till.cancel):
        with pytest.raises(NotFoundError):
            decide("rel_none")
