"""One reference, one effect: repeats, crashes, races and refusals."""

import datetime as dt
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments import idempotency
from payments.database import transaction
from payments.errors import InProgressError, InvalidRequestError, ReferenceReusedError
from payments.idempotency import Claim, ClaimKind, fingerprint

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(seconds=91)
CONTENT = fingerprint({"order_id": "ord_1"})
OTHER = fingerprint({"order_id": "ord_2"})


@pytest.fixture
def reference() -> str:
    return secrets.token_hex(16)


def claim(
    session: Session,
    reference: str,
    *,
    content: bytes = CONTENT,
    now: dt.datetime = NOW,
    principal: str = "key:shop",
    operation: str = "test",
) -> Claim:
    return idempotency.claim(
        session,
        principal=principal,
        operation=operation,
        reference=reference,
        fingerprint=content,
        now=now,
    )


def test_a_first_claim_is_new_and_a_finished_one_is_replayed(
    engine: Engine, reference: str
) -> None:
    with transaction(engine) as session:
        claimed = claim(session, reference)
        assert (claimed.kind, claimed.replayed_id) == (ClaimKind.NEW, None)
        idempotency.set_resource(session, claimed, resource_id="pay_1")
        idempotency.finish(session, claimed, now=NOW)
    for now in (NOW, NOW + dt.timedelta(days=4000)):
        with transaction(engine) as session:
            again = claim(session, reference, now=now)
        assert (again.kind, again.replayed_id) == (ClaimKind.REPLAY, "pay_1")


def test_a_running_request_keeps_others_out_until_its_lease_is_over(
    engine: Engine, reference: str
) -> None:
    with transaction(engine) as session:
        idempotency.set_resource(session, claim(session, reference), resource_id="pay_1")
    with pytest.raises(InProgressError), transaction(engine) as session:
        claim(session, reference, now=NOW + dt.timedelta(seconds=44))
    with transaction(engine) as session:
        resumed = claim(session, reference, now=LATER)
    assert (resumed.kind, resumed.resource_id) == (ClaimKind.RESUME, "pay_1")
    assert resumed.replayed_id is None
    with pytest.raises(InProgressError), transaction(engine) as session:
        claim(session, reference, now=LATER)


def test_other_content_is_refused_whether_running_crashed_or_finished(
    engine: Engine, reference: str
) -> None:
    with transaction(engine) as session:
        claimed = claim(session, reference)
    for now in (NOW, LATER):
        with pytest.raises(ReferenceReusedError), transaction(engine) as session:
            claim(session, reference, content=OTHER, now=now)
    with transaction(engine) as session:
        idempotency.finish(session, claimed, now=NOW)
    with pytest.raises(ReferenceReusedError), transaction(engine) as session:
        claim(session, reference, content=OTHER)


def test_a_suspended_request_is_resumed_at_once(engine: Engine, reference: str) -> None:
    with transaction(engine) as session:
        claimed = claim(session, reference)
        idempotency.set_resource(session, claimed, resource_id="pay_1")
        idempotency.suspend(session, claimed)
    with pytest.raises(ReferenceReusedError), transaction(engine) as session:
        claim(session, reference, content=OTHER)
    with transaction(engine) as session:
        resumed = claim(session, reference)
    assert (resumed.kind, resumed.resource_id) == (ClaimKind.RESUME, "pay_1")


def test_a_released_reference_may_carry_a_corrected_request(engine: Engine, reference: str) -> None:
    with transaction(engine) as session:
        claimed = claim(session, reference)
        idempotency.set_resource(session, claimed, resource_id="pay_1")
    with transaction(engine) as session:
        idempotency.release(session, claimed)
    with transaction(engine) as session:
        corrected = claim(session, reference, content=OTHER)
        assert (corrected.kind, corrected.resource_id) == (ClaimKind.NEW, None)
    with pytest.raises(InProgressError), transaction(engine) as session:
        claim(session, reference, content=OTHER)


def test_a_refusal_in_the_claiming_transaction_leaves_no_trace(
    engine: Engine, reference: str
) -> None:
    with Session(engine) as session:
        claim(session, reference)
        session.rollback()
    with transaction(engine) as session:
        assert claim(session, reference, content=OTHER).kind is ClaimKind.NEW


def test_callers_and_operations_do_not_share_references(engine: Engine, reference: str) -> None:
    with transaction(engine) as session:
        claim(session, reference)
        others = (
            claim(session, reference, content=OTHER, principal="party:pty_1"),
            claim(session, reference, content=OTHER, operation="other"),
        )
    assert [other.kind for other in others] == [ClaimKind.NEW, ClaimKind.NEW]


@pytest.mark.parametrize("bad", ["", " ", "a b", "ü", "x" * 256, "a\n"])
def test_a_reference_is_visible_ascii(engine: Engine, bad: str) -> None:
    with pytest.raises(InvalidRequestError) as caught, transaction(engine) as session:
        claim(session, bad)
    assert "reference" in caught.value.errors


@pytest.mark.parametrize("state", ["unused", "crashed", "released"])
def test_of_many_at_once_exactly_one_gets_it(engine: Engine, reference: str, state: str) -> None:
    now = NOW
    if state != "unused":
        with transaction(engine) as session:
            claimed = claim(session, reference)
            if state == "released":
                idempotency.release(session, claimed)
        now = LATER
    start = threading.Barrier(8)

    def attempt(_: int) -> str:
        start.wait()
        try:
            with transaction(engine) as session:
                return claim(session, reference, now=now).kind
        except InProgressError:
            return "in_progress"

    with ThreadPoolExecutor(8) as pool:
        kinds = sorted(pool.map(attempt, range(8)))
    expected = ClaimKind.RESUME if state == "crashed" else ClaimKind.NEW
    assert kinds == sorted([*["in_progress"] * 7, expected])


def test_a_second_request_waits_for_the_first_transaction_and_replays_it(
    engine: Engine, reference: str
) -> None:
    claimed_first = threading.Event()
    may_commit = threading.Event()

    def first() -> None:
        with transaction(engine) as session:
            claimed = claim(session, reference)
            idempotency.set_resource(session, claimed, resource_id="ord_1")
            idempotency.finish(session, claimed, now=NOW)
            session.flush()
            claimed_first.set()
            may_commit.wait(10)

    def second() -> Claim:
        claimed_first.wait(10)
        threading.Timer(0.05, may_commit.set).start()
        with transaction(engine) as session:
            return claim(session, reference)

    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(first)
        assert pool.submit(second).result().replayed_id == "ord_1"
        running.result()


def test_the_fingerprint_is_that_of_the_content() -> None:
    assert fingerprint({"a": 1, "b": [1, "x"]}) == fingerprint({"b": [1, "x"], "a": 1})
    assert len(fingerprint({})) == 32
    contents: list[dict[str, Any]] = [{"a": value} for value in (1, "1", None, [1], 10**40)]
    contents += [{}, {"b": 1}]
    assert len({fingerprint(content) for content in contents}) == len(contents)
    with pytest.raises(TypeError):
        fingerprint({"lines": [{"amount": 1.5}]})
