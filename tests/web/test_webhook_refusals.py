"""What of Stripe's side is taken and what is not, each rule over HTTP."""

import dataclasses
import json

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from payments.database import transaction
from payments.settings import Settings
from payments.webhooks.tables import InboxEvent
from tests.web.conftest import MakeApp
from tests.web.test_webhooks import deliver, event, signed
from web.bodies import BODY_LIMIT_BYTES


def is_kept(engine: Engine, payload: bytes) -> bool:
    event_id = json.loads(payload)["id"]
    with transaction(engine) as session:
        found = select(InboxEvent.id).where(InboxEvent.event_id == event_id)
        return session.scalar(found) is not None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_each_of_several_live_secrets_signs(
    make_app: MakeApp, settings: Settings, place: int
) -> None:
    secrets = ("whsec_sandbox_next", "whsec_sandbox_now", "whsec_sandbox_past")
    client = make_app(dataclasses.replace(settings, stripe_webhook_secrets=secrets)).test_client()
    payload = event()
    assert deliver(client, payload, signed(payload, secret=secrets[place]))[0] == 200


def test_a_secret_taken_out_of_the_list_signs_no_more(
    make_app: MakeApp, settings: Settings, engine: Engine
) -> None:
    left = dataclasses.replace(settings, stripe_webhook_secrets=("whsec_sandbox_new",))
    payload = event()
    headers = signed(payload, secret="whsec_sandbox_old")
    status, problem = deliver(make_app(left).test_client(), payload, headers)
    assert (status, problem["code"]) == (400, "invalid_signature")
    assert not is_kept(engine, payload)


def test_a_signature_by_two_secrets_at_once_is_taken(client: FlaskClient) -> None:
    payload = event()
    ours, foreign = signed(payload), signed(payload, secret="whsec_sandbox_foreign")
    both = foreign["Stripe-Signature"] + "," + ours["Stripe-Signature"].split(",")[1]
    assert deliver(client, payload, ours | {"Stripe-Signature": both})[0] == 200


def test_an_event_of_live_mode_is_refused_in_test_mode(client: FlaskClient, engine: Engine) -> None:
    payload = event(livemode=True)
    status, problem = deliver(client, payload, signed(payload))
    assert (status, problem["code"]) == (400, "invalid_signature")
    assert "other mode" in str(problem["detail"])
    assert not is_kept(engine, payload)


def test_an_event_of_test_mode_is_refused_in_live_mode(
    make_app: MakeApp, settings: Settings
) -> None:
    live = dataclasses.replace(settings, stripe_secret_key="sk_live_sandbox_0000")
    client = make_app(live).test_client()
    test_event, live_event = event(), event(livemode=True)
    assert deliver(client, test_event, signed(test_event))[0] == 400
    assert deliver(client, live_event, signed(live_event))[0] == 200


@pytest.mark.parametrize("late_s", [-290, -1, 0, 1, 290])
def test_a_signature_within_five_minutes_is_taken(client: FlaskClient, late_s: int) -> None:
    payload = event()
    assert deliver(client, payload, signed(payload, late_s=late_s))[0] == 200


@pytest.mark.parametrize("late_s", [-86_400, -310], ids=["yesterday", "minutes ago"])
def test_an_old_signature_is_refused(client: FlaskClient, engine: Engine, late_s: int) -> None:
    payload = event()
    status, problem = deliver(client, payload, signed(payload, late_s=late_s))
    assert (status, problem["code"]) == (400, "invalid_signature")
    assert not is_kept(engine, payload)


@pytest.mark.parametrize("late_s", [310, 86_400], ids=["in minutes", "tomorrow"])
def test_a_signature_from_the_future_is_refused(
    client: FlaskClient, engine: Engine, late_s: int
) -> None:
    payload = event()
    status, problem = deliver(client, payload, signed(payload, late_s=late_s))
    assert (status, problem["code"]) == (400, "invalid_signature")
    assert not is_kept(engine, payload)


def test_an_event_that_happened_days_ago_is_taken(client: FlaskClient, engine: Engine) -> None:
    payload = event(created=1_600_000_000)
    assert deliver(client, payload, signed(payload))[0] == 200
    assert is_kept(engine, payload)


def test_a_megabyte_is_taken_and_a_byte_more_is_not(client: FlaskClient, engine: Engine) -> None:
    filling = BODY_LIMIT_BYTES - len(event(padding=""))
    whole = event(padding="x" * filling)
    assert len(whole) == BODY_LIMIT_BYTES
    assert deliver(client, whole, signed(whole))[0] == 200
    larger = event(padding="x" * (filling + 1))
    status, problem = deliver(client, larger, signed(larger))
    assert (status, problem["status"]) == (413, 413)
    assert not is_kept(engine, larger)


def test_an_event_of_an_unknown_type_is_acknowledged_and_kept(
    client: FlaskClient, engine: Engine
) -> None:
    payload = event(type="thing.nobody.has.heard.of")
    assert deliver(client, payload, signed(payload))[0] == 200
    assert is_kept(engine, payload)


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b"[]", b"\xff\xfe", b'{"id": "evt_1", "livemode": false}']
)
def test_what_is_signed_but_no_event_is_a_bad_request(client: FlaskClient, payload: bytes) -> None:
    assert deliver(client, payload, signed(payload))[0] == 400
