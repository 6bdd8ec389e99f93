"""A call is written down before it is made; closing it settles the reference it stands for."""

import datetime as dt

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from payments import idempotency
from payments.calls import open_calls
from payments.calls.tables import ProviderCall
from payments.database import transaction
from payments.errors import InProgressError
from payments.idempotency import Claim, ClaimKind
from payments.lifecycle.tables import Payment
from payments.providers.facts import Failure
from tests.payments.shop import NOW, Shop, new_reference

FAILURE = Failure(code="card_declined", message="No.", next_step="try_again", stripe_code="x")


@pytest.fixture
def payment(shop: Shop) -> Payment:
    with transaction(shop.engine) as session:
        session.execute(update(ProviderCall).values(due_at=None))
    return shop.payment(shop.order())


def claim(session: Session, reference: str, *, now: dt.datetime = NOW) -> Claim:
    return idempotency.claim(
        session,
        principal="key:test",
        operation="payments.test",
        reference=reference,
        fingerprint=idempotency.fingerprint({}),
        now=now,
    )


def begin(engine: Engine, payment: Payment, reference: str) -> str:
    with transaction(engine) as session:
        claimed = claim(session, reference)
        call = open_calls.begin(
            session,
            payment_id=payment.id,
            operation="test",
            request={"amount": "5"},
            claim=claimed,
            now=NOW,
        )
        idempotency.set_resource(session, claimed, resource_id=call.id)
        return call.id


def due(engine: Engine, now: dt.datetime) -> list[str]:
    with transaction(engine) as session:
        found = open_calls.list_due(session, operations=["test"], now=now, limit=10)
        return [call.id for call in found]


def test_what_happens_once_to_its_subject_has_the_subjects_key(
    engine: Engine, payment: Payment
) -> None:
    with transaction(engine) as session:
        call = open_calls.begin(
            session,
            payment_id=payment.id,
            operation="test",
            subject_id=payment.id,
            request={},
            claim=None,
            now=NOW,
        )
        assert call.idempotency_key == f"{payment.id}:test"
        found = open_calls.find_of_subject(session, subject_id=payment.id, operation="test")
        assert found.id == call.id
        assert open_calls.has_open(session, payment.id)


@pytest.mark.parametrize("state", ["done", "declined"])
def test_an_outcome_answers_the_reference_for_ever(
    engine: Engine, payment: Payment, state: open_calls.Closed
) -> None:
    reference = new_reference()
    call_id = begin(engine, payment, reference)
    failure = FAILURE if state == "declined" else None
    with transaction(engine) as session:
        assert open_calls.close(session, call_id, state=state, failure=failure, now=NOW)
    with transaction(engine) as session:
        again = claim(session, reference)
        assert (again.kind, again.resource_id) == (ClaimKind.REPLAY, call_id)
        call = open_calls.find(session, call_id)
        assert (call.state, call.finished_at, call.request) == (state, NOW, {"amount": "5"})
        assert open_calls.failure_of(call) == failure
        assert not open_calls.has_open(session, payment.id)


def test_a_refusal_gives_the_reference_back(engine: Engine, payment: Payment) -> None:
    reference = new_reference()
    call_id = begin(engine, payment, reference)
    with transaction(engine) as session:
        open_calls.close(session, call_id, state="refused", error="no", now=NOW)
    with transaction(engine) as session:
        assert claim(session, reference).kind is ClaimKind.NEW


def test_of_two_runs_the_first_to_close_it_counts(engine: Engine, payment: Payment) -> None:
    reference = new_reference()
    call_id = begin(engine, payment, reference)
    with transaction(engine) as session:
        assert open_calls.close(session, call_id, state="done", now=NOW)
    with transaction(engine) as session:
        assert not open_calls.close(session, call_id, state="refused", now=NOW)
        assert not open_calls.leave_unknown(session, call_id, error="late", now=NOW)
    with transaction(engine) as session:
        assert claim(session, reference).kind is ClaimKind.REPLAY


def test_an_unknown_outcome_may_be_asked_for_again_at_once(
    engine: Engine, payment: Payment
) -> None:
    reference = new_reference()
    call_id = begin(engine, payment, reference)
    with transaction(engine) as session, pytest.raises(InProgressError):
        claim(session, reference)
    with transaction(engine) as session:
        assert open_calls.leave_unknown(session, call_id, error="no answer", now=NOW)
    with transaction(engine) as session:
        again = claim(session, reference)
        assert (again.kind, again.resource_id) == (ClaimKind.RESUME, call_id)


def test_it_is_looked_up_after_a_minute_then_ever_later(engine: Engine, payment: Payment) -> None:
    call_id = begin(engine, payment, new_reference())
    now = NOW
    with transaction(engine) as session:
        open_calls.leave_unknown(session, call_id, error="no answer", now=now)
    waits = []
    for _ in range(7):
        with transaction(engine) as session:
            due_at = open_calls.find(session, call_id).due_at
        assert due_at is not None
        assert due(engine, due_at - dt.timedelta(seconds=1)) == []
        assert due(engine, due_at) == [call_id]
        waits.append(round((due_at - now).total_seconds() / 60))
        now = due_at
        with transaction(engine) as session:
            open_calls.postpone(session, call_id, now=now)
    assert waits == [1, 5, 30, 60, 360, 360, 360]


def test_a_process_that_seems_dead_is_looked_after_sooner(engine: Engine, payment: Payment) -> None:
    call_id = begin(engine, payment, new_reference())
    assert due(engine, NOW + dt.timedelta(seconds=29)) == []
    assert due(engine, NOW + dt.timedelta(seconds=30)) == [call_id]
    with transaction(engine) as session:  # who asks again has half a minute to hear
        resumed = open_calls.find(session, call_id)
        open_calls.resume(resumed, now=NOW + dt.timedelta(seconds=30))
    assert due(engine, NOW + dt.timedelta(seconds=59)) == []
