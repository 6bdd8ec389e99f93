import datetime as dt
import json
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select

from payments.database import transaction
from payments.delivery.tables import OutboxRow
from payments.errors import InvalidSignatureError, NotFoundError
from payments.secret_versions.environment import environment_values
from payments.secret_versions.source import FixedSecrets
from payments.webhooks.inbox_writer import InboxWriter, Stored
from payments.webhooks.receive_event import receive_event
from payments.webhooks.sealed_payload import unseal
from payments.webhooks.webhook_notes import WebhookNotes
from tests.payments.shop import NOW
from tests.payments.webhooks.stripe_events import (
    CIPHER,
    SETTINGS,
    event,
    inbox,
    receive,
    sign,
)


def waiting_wake_ups(engine: Engine) -> int:
    with transaction(engine) as session:
        return (
            session.scalar(
                select(func.count())
                .select_from(OutboxRow)
                .where(OutboxRow.job == "drain_webhooks", OutboxRow.state == "waiting")
            )
            or 0
        )


def test_an_event_is_kept_encrypted_and_the_drain_is_asked_for(
    fresh_engine: Engine,
) -> None:
    canary = secrets.token_hex(16)
    received = event("customer.created", {"id": "cus_1", "name": canary})
    assert receive(fresh_engine, received) == Stored(duplicate=False, asked_for_drain=True)
    (row,) = inbox(fresh_engine, [received])
    assert (row.state, row.event_type, row.request_id) == ("new", "customer.created", "req_test")
    assert row.payload_encrypted is not None
    assert canary.encode() not in row.payload_encrypted
    payload = unseal(CIPHER, row.payload_encrypted, provider=row.provider, event_id=row.event_id)
    assert json.loads(payload) == received
    assert waiting_wake_ups(fresh_engine) == 1


def test_the_same_event_again_is_a_duplicate_for_ever(engine: Engine) -> None:
    received = event("customer.created", {"id": "cus_1"})
    receive(engine, received)
    years_later = NOW + dt.timedelta(days=1000)
    assert receive(engine, received, now=years_later) == Stored(duplicate=True)
    assert len(inbox(engine, [received])) == 1


def test_copies_that_arrive_at_once_are_stored_once(engine: Engine) -> None:
    received = event("customer.created", {"id": "cus_1"})
    together = threading.Barrier(6)

    def deliver(_number: int) -> bool:
        together.wait()
        return receive(engine, received).duplicate

    with ThreadPoolExecutor(6) as pool:
        duplicates = list(pool.map(deliver, range(6)))
    assert sorted(duplicates) == [False] + [True] * 5
    assert waiting_wake_ups(engine) == 1


def test_what_stripe_did_not_sign_is_refused_and_leaves_nothing(engine: Engine) -> None:
    forged = event("customer.created", {"id": "cus_1"})
    payload = json.dumps(forged).encode()
    with pytest.raises(InvalidSignatureError):
        receive_event(
            InboxWriter(engine),
            provider="stripe",
            payload=payload,
            signature=sign(payload, secret="whsec_of_somebody_else"),
            settings=SETTINGS,
            secrets=FixedSecrets(environment_values(SETTINGS)),
            notes=WebhookNotes(engine),
            cipher=CIPHER,
            now=NOW,
            request_id=None,
        )
    assert inbox(engine, [forged]) == []


def test_a_provider_nobody_knows_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFoundError):
        receive_event(
            InboxWriter(engine),
            provider="nobody",
            payload=b"{}",
            signature="",
            settings=SETTINGS,
            secrets=FixedSecrets(environment_values(SETTINGS)),
            notes=WebhookNotes(engine),
            cipher=CIPHER,
            now=NOW,
            request_id=None,
        )
