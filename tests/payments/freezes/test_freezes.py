"""Freezes: nothing that they cover is released once they are answered, until two lift them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from payments.database import transaction
from payments.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ReferenceReusedError,
    UnavailableError,
)
from payments.freezes import releases_lock
from payments.freezes.covering import covering
from payments.freezes.list_freezes import list_freezes
from payments.freezes.releases_lock import holding_releases_lock, share_releases_lock
from payments.freezes.tables import Freeze
from tests.conditions import wait_until
from tests.payments.releases.till import OTHER_OPERATOR, Till
from tests.payments.shop import new_reference


@pytest.fixture(autouse=True)
def _thawed(till: Till) -> Iterator[None]:
    yield
    with transaction(till.engine) as session:
        left = list_freezes(session, in_force=True, limit=100)
    for freeze in left:
        if freeze.lift_requested_by is None:
            till.lift(freeze.id)
        till.lift(freeze.id, caller=OTHER_OPERATOR)
    till.assert_sound()


def is_frozen(till: Till, order_id: str) -> str | None:
    with transaction(till.engine) as session:
        freeze = covering(session, order_id)
    return None if freeze is None else freeze.id


def somebody_waits(till: Till) -> bool:
    query = (  # of this database: modules beside ours wait for locks of theirs
        "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
        " WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
    )
    with till.engine.connect() as connection:
        return bool(connection.exec_driver_sql(query).scalar_one())


def test_one_person_freezes_everything_once(till: Till) -> None:
    order, reference = till.paid(), new_reference()
    first, again = (till.freeze(reference=reference) for _ in range(2))
    assert (first.replayed, again.replayed) == (False, True)
    assert (first.resource.scope, first.resource.status) == ("all", "in_force")
    assert again.resource.id == first.resource.id == is_frozen(till, order.id)
    with pytest.raises(ReferenceReusedError):
        till.freeze(order, reference=reference)
    with pytest.raises(ConflictError) as caught:
        till.release(order)
    assert caught.value.code == "releases_frozen"
    assert first.resource.id in caught.value.detail
    assert till.releases(order) == []


def test_a_freeze_of_one_order_is_of_that_order(till: Till) -> None:
    frozen, free = till.paid(), till.paid()
    freeze = till.freeze(frozen).resource
    assert (freeze.scope, freeze.order_id) == ("order", frozen.id)
    with pytest.raises(ConflictError):
        till.release(frozen)
    assert till.release(free).resource.status == "posted"
    with pytest.raises(NotFoundError):
        till.freeze(free.__class__(**{**vars(free), "id": "ord_none"}))


def test_refunds_go_on_while_releases_are_frozen(till: Till) -> None:
    order = till.paid()
    till.freeze()
    till.refund(order, 1_000)
    assert till.held(order)[0] == 10_900


def test_it_takes_two_to_lift_one(till: Till) -> None:
    order, reference = till.paid(), new_reference()
    freeze = till.freeze().resource
    asked, again = (till.lift(freeze.id, reference=reference) for _ in range(2))
    assert (asked.resource.status, again.replayed) == ("lift_requested", True)
    assert is_frozen(till, order.id) == freeze.id
    with pytest.raises(ConflictError) as caught:
        till.lift(freeze.id)
    assert caught.value.code == "second_person_needed"
    lifted = till.lift(freeze.id, caller=OTHER_OPERATOR).resource
    assert (lifted.status, lifted.lifted_by) == ("lifted", OTHER_OPERATOR.principal)
    assert is_frozen(till, order.id) is None
    with pytest.raises(ConflictError) as caught:
        till.lift(freeze.id)
    assert caught.value.code == "freeze_lifted"
    assert till.release(order).resource.status == "posted"


def test_the_database_wants_two_as_well(till: Till) -> None:
    freeze = till.freeze().resource
    till.lift(freeze.id)
    alone = "UPDATE strongroom.freezes SET lifted_by = lift_requested_by, lifted_at = now()"
    with pytest.raises(IntegrityError), transaction(till.engine) as session:
        session.execute(text(f"{alone}, lifted_after = 0 WHERE id = :id"), {"id": freeze.id})


def test_of_several_freezes_one_must_be_named(till: Till) -> None:
    with pytest.raises(NotFoundError):
        till.lift(None)
    with pytest.raises(NotFoundError):
        till.lift("frz_none")
    order = till.paid()
    first = till.freeze().resource
    assert till.lift(None).resource.id == first.id
    second = till.freeze(order).resource
    with pytest.raises(InvalidRequestError) as caught:
        till.lift(None)
    assert second.id in caught.value.errors["freeze_id"][0]
    till.lift(first.id, caller=OTHER_OPERATOR)
    assert is_frozen(till, order.id) == second.id
    with transaction(till.engine) as session:
        assert [row.id for row in list_freezes(session, in_force=True, limit=5)] == [second.id]
        everything = [row.id for row in list_freezes(session, in_force=False, limit=100)]
    assert {first.id, second.id} < set(everything)
    assert everything == sorted(everything, reverse=True)


def test_a_freeze_is_answered_after_every_release_that_had_begun(till: Till) -> None:
    order = till.paid()
    answered = threading.Event()

    def freeze() -> Freeze:
        made = till.freeze().resource
        answered.set()
        return made

    with ThreadPoolExecutor(1) as thread:
        with transaction(till.engine) as session:
            share_releases_lock(session)
            assert covering(session, order.id) is None
            waiting = thread.submit(freeze)
            wait_until(lambda: somebody_waits(till))
            assert not answered.is_set()
            assert is_frozen(till, order.id) is not None
        made = waiting.result(timeout=10)
    assert made.in_force_after is not None


def test_a_freeze_waits_for_what_is_being_sent_and_stops_what_is_not_yet(till: Till) -> None:
    order = till.paid()
    with ThreadPoolExecutor(1) as thread, till.engine.connect() as connection:
        with holding_releases_lock(connection):
            assert is_frozen(till, order.id) is None
            waiting = thread.submit(till.freeze)
            wait_until(lambda: somebody_waits(till))
            assert not waiting.done()
        frozen = waiting.result(timeout=10).resource
    with till.engine.connect() as connection, holding_releases_lock(connection):
        assert is_frozen(till, order.id) == frozen.id


def test_a_freeze_that_waits_in_vain_is_in_force_and_asked_again(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, reference = till.paid(), new_reference()
    monkeypatch.setattr(releases_lock, "_LONGEST_WAIT_S", 1)
    with till.engine.connect() as connection, holding_releases_lock(connection):
        with pytest.raises(UnavailableError):
            till.freeze(reference=reference)
        assert is_frozen(till, order.id) is not None
    answered = till.freeze(reference=reference)
    assert not answered.replayed
    assert answered.resource.id == is_frozen(till, order.id)
    assert answered.resource.in_force_after is not None


def test_the_lock_is_let_go_when_what_is_sent_fails(till: Till) -> None:
    with (
        till.engine.connect() as connection,
        pytest.raises(ZeroDivisionError),
        holding_releases_lock(connection),
    ):
        raise ZeroDivisionError
    assert till.freeze().resource.in_force_after is not None


def test_among_many_releases_none_is_posted_after_the_freeze(till: Till) -> None:
    orders = [till.paid() for _ in range(16)]

    def release(place: int) -> str:
        try:
            return till.release(orders[place]).resource.status
        except ConflictError as error:
            return error.code

    with ThreadPoolExecutor(9) as threads:
        released = threads.map(release, range(len(orders)))
        frozen = threads.submit(till.freeze).result().resource
        outcomes = list(released)
    with till.engine.connect() as connection:
        later = connection.exec_driver_sql(
            "SELECT count(*) FROM ledger.entries WHERE kind = 'release' AND id > %s",
            (frozen.in_force_after,),
        ).scalar_one()
    assert later == 0
    assert set(outcomes) <= {"posted", "releases_frozen"}
    assert outcomes.count("posted") == sum(len(till.releases(order)) for order in orders)


def test_the_database_refuses_what_would_be_posted_past_a_freeze(till: Till) -> None:
    order = till.paid()
    waiting = till.waiting(order)
    till.freeze(order)
    past = "UPDATE strongroom.releases SET status = 'posted', approved_by = 'key:other',"
    with (
        pytest.raises(IntegrityError, match="releases are frozen"),
        transaction(till.engine) as session,
    ):
        session.execute(text(f"{past} posted_at = now() WHERE id = :id"), {"id": waiting.id})
