"""A dry run answers what the real one would, and leaves nothing behind."""

import secrets
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select

from payments.access.caller import Role
from payments.audit.tables import AuditEntry
from payments.database import transaction
from payments.delivery.tables import OutboxRow
from payments.idempotency import IdempotencyKey
from payments.webhooks.tables import InboxEvent, WebhookReplay
from tests.web.conftest import Headers, KeyOf
from tests.web.test_webhooks import deliver, event, signed

REPLAY = "/api/ops/webhooks/replay"


@pytest.fixture
def operator(key_of: KeyOf) -> Headers:
    return key_of(Role.OPERATOR)


def count(engine: Engine) -> list[int]:
    with transaction(engine) as session:
        return [
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in (WebhookReplay, OutboxRow, IdempotencyKey)
        ]


def test_a_dry_run_answers_and_takes_back_what_it_did(
    client: FlaskClient, engine: Engine, operator: Headers
) -> None:
    payload = event(type="customer.created")
    deliver(client, payload, signed(payload))
    with transaction(engine) as session:
        [event_id, *_] = session.scalars(select(InboxEvent.event_id))
    before = count(engine)
    body = {"reference": secrets.token_hex(16), "source": "inbox", "ids": [event_id]}
    tried = client.post(f"{REPLAY}?dry_run=true", json=body, headers=operator)
    assert (tried.status_code, tried.headers["Dry-Run"]) == (202, "true")
    assert count(engine) == before
    done = client.post(REPLAY, json=body, headers=operator)
    assert done.status_code == 202
    assert "Dry-Run" not in done.headers
    assert "Idempotent-Replayed" not in done.headers, "the dry run did not take the reference"
    assert count(engine) != before


def test_a_dry_run_is_refused_what_the_real_one_would_be(
    client: FlaskClient, engine: Engine, operator: Headers
) -> None:
    refused = client.post(f"{REPLAY}?dry_run=true", json={"reference": "r"}, headers=operator)
    assert refused.status_code == 400
    with transaction(engine) as session:
        entries = session.scalar(select(func.count()).select_from(AuditEntry))
    assert entries, "a refusal is noted, whether it was only tried or not"


def test_what_takes_no_dry_run_does_nothing_when_asked_for_one(
    client: FlaskClient, key_of: KeyOf
) -> None:
    body = {"reference": secrets.token_hex(16), "buyer_id": "pty_1"}
    refused: Any = client.post("/api/orders?dry_run=true", json=body, headers=key_of(Role.SERVICE))
    assert refused.status_code == 400
    assert "no dry run" in refused.json["errors"]["dry_run"][0]
    unclear: Any = client.post(f"{REPLAY}?dry_run=maybe", json=body, headers=key_of(Role.OPERATOR))
    assert unclear.status_code == 400
    assert list(unclear.json["errors"]) == ["dry_run"]


def test_a_misspelled_dry_run_is_not_done(
    client: FlaskClient, engine: Engine, operator: Headers
) -> None:
    before = count(engine)
    body = {"reference": secrets.token_hex(16), "source": "inbox", "ids": []}
    refused: Any = client.post(f"{REPLAY}?dryrun=true", json=body, headers=operator)
    assert refused.status_code == 400
    assert "dry_run=true" in refused.json["errors"]["dryrun"][0]
    assert count(engine) == before
