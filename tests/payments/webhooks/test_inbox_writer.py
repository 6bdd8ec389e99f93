"""Events of concurrent requests in shared commits: each request hears of its own."""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DataError, OperationalError

from payments.webhooks.inbox_writer import InboxWriter, SealedEvent, Stored
from tests.conditions import wait_until
from tests.payments.shop import NOW


def sealed(event_id: str, *, event_type: str = "customer.created") -> SealedEvent:
    return SealedEvent(
        provider="stripe",
        event_id=event_id,
        event_type=event_type,
        occurred_at=NOW,
        payload_encrypted=b"sealed",
        request_id="req_test",
        received_at=NOW,
    )


def stored_ids(engine: Engine, ids: list[str]) -> set[str]:
    with engine.connect() as connection:
        query = text("SELECT event_id FROM strongroom.webhook_inbox WHERE event_id = ANY(:ids)")
        return set(connection.scalars(query, {"ids": ids}))


def store_together(engine: Engine, events: list[SealedEvent]) -> list[Stored | Exception]:
    """Store events at once: all but the first wait until its statement gets past a lock."""
    writer = InboxWriter(engine)

    def store(event: SealedEvent) -> Stored | Exception:
        try:
            return writer.store(event)
        except Exception as error:  # noqa: BLE001 - what each is told is what is tested
            return error

    with ThreadPoolExecutor(len(events)) as pool:
        with engine.begin() as connection:
            connection.execute(text("LOCK TABLE strongroom.webhook_inbox IN SHARE MODE"))
            answers = [pool.submit(store, event) for event in events]
            wait_until(lambda: len(writer._waiting) == len(events) - 1)
        return [answer.result() for answer in answers]


def test_one_that_cannot_be_stored_does_no_harm_to_the_others(engine: Engine) -> None:
    ids = [f"evt_{secrets.token_hex(16)}" for _ in range(6)]
    broken = sealed("evt_broken", event_type="nul \0 byte")
    answers = store_together(engine, [sealed(ids[0]), broken, *map(sealed, ids[1:])])
    assert [type(answer) for answer in answers] == [Stored, DataError, *[Stored] * 5]
    assert stored_ids(engine, [*ids, "evt_broken"]) == set(ids)


def test_copies_in_one_batch_are_stored_once_and_one_of_all_rings(engine: Engine) -> None:
    same = f"evt_{secrets.token_hex(16)}"
    others = [f"evt_{secrets.token_hex(16)}" for _ in range(3)]
    events = [sealed(one) for one in (same, others[0], same, others[1], same, others[2])]
    answers = store_together(engine, events)
    stored = [answer for answer in answers if isinstance(answer, Stored)]
    assert sum(not answer.duplicate for answer in stored) == 4
    assert sum(answer.asked_for_drain for answer in stored) <= 1
    assert stored_ids(engine, [same, *others]) == {same, *others}


def test_nobody_is_answered_while_the_database_is_away() -> None:
    writer = InboxWriter(create_engine("postgresql://nobody@127.0.0.1:1/nothing"))
    together = threading.Barrier(4)

    def store(number: int) -> None:
        together.wait()
        with pytest.raises(OperationalError):
            writer.store(sealed(f"evt_{number}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store, range(4)))


def test_one_that_comes_again_does_not_wait_for_its_application(engine: Engine) -> None:
    """Else all that come with it would, when a provider sends everything again."""
    known, new = (f"evt_{secrets.token_hex(16)}" for _ in range(2))
    writer = InboxWriter(engine)
    writer.store(sealed(known))
    with engine.connect() as connection, connection.begin():
        of_one = text("SELECT 1 FROM strongroom.webhook_inbox WHERE event_id = :id FOR UPDATE")
        connection.execute(of_one, {"id": known})  # as who applies it does
        answered = writer.store_all([sealed(known), sealed(new)])
    assert not answered.duplicate
    count = text("SELECT count FROM strongroom.webhook_redeliveries WHERE event_id = :id")
    with engine.connect() as connection:
        assert connection.scalar(count, {"id": known}) == 1
