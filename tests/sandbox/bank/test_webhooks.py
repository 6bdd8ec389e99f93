"""Webhooks: TrueLayer's own library believes the bank's and refuses whatever else comes."""

import datetime as dt
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
import truelayer_signing
from truelayer_signing.errors import TlSigningException

from sandbox.bank.account import Account
from sandbox.bank.server import SimulatedBank
from sandbox.bank.webhooks import FOREIGN_JKU
from tests.conditions import wait_until
from tests.sandbox.bank.client import Client, Received
from tests.sandbox.bank.conftest import Endpoint


def jku_of(received: Received) -> str | None:
    jku: str | None = truelayer_signing.extract_jws_header(received.headers["Tl-Signature"]).jku
    return jku


def sent_ago(received: Received) -> dt.timedelta:
    sent = dt.datetime.fromisoformat(received.headers["X-Tl-Webhook-Timestamp"])
    return dt.datetime.now(dt.UTC) - sent  # noqa: TID251 - the bank dates them by the real clock


def test_every_step_is_told_and_signed(client: Client, endpoint: Endpoint) -> None:
    payment_id = client.settled()
    refund = client.post(
        f"/v3/payments/{payment_id}/refunds",
        {"amount_in_minor": 50, "metadata": {"refund_id": "rfd_1"}},
    ).json()
    client.turn("POST", f"refunds/{refund['id']}", to="executed")

    received = [endpoint.next() for _ in range(3)]
    told: dict[str, Any] = {}
    for one in received:
        one.verify(client.jwks())
        assert jku_of(one) == f"{client.url}/.well-known/jwks"
        assert abs(sent_ago(one)) < dt.timedelta(minutes=1)
        told[one.told["type"]] = one.told
    assert sorted(told) == ["payment_executed", "payment_settled", "refund_executed"]
    settled = told["payment_settled"]
    assert (settled["payment_id"], settled["event_version"]) == (payment_id, 1)
    assert settled["metadata"]["payment_id"] == "pay_1"
    assert "amount_in_minor" not in settled  # TrueLayer does not say it either
    assert told["refund_executed"]["metadata"] == {"refund_id": "rfd_1"}


def test_a_failure_says_at_which_stage(client: Client, endpoint: Endpoint) -> None:
    created = client.create()
    client.push(created["id"], "authorized", "executed")
    client.turn("POST", f"payments/{created['id']}", to="failed", failure_reason="rejected")
    told = next(
        one.told
        for one in (endpoint.next() for _ in range(2))
        if one.told["type"] == "payment_failed"
    )
    assert (told["failure_stage"], told["failure_reason"]) == ("executed", "rejected")


@pytest.mark.parametrize("fault", ["wrong_key", "tampered"])
def test_forged_webhooks_do_not_verify(client: Client, endpoint: Endpoint, fault: str) -> None:
    client.turn("PUT", "webhooks", **{fault: 1})
    client.settled()
    with pytest.raises(TlSigningException):
        endpoint.next().verify(client.jwks())


def test_a_foreign_place_of_keys_and_an_old_timestamp_are_for_us_to_refuse(
    client: Client, endpoint: Endpoint
) -> None:
    client.turn("PUT", "webhooks", foreign_jku=1)
    client.turn("POST", "events", type="payment_settled")
    foreign = endpoint.next()
    assert jku_of(foreign) == FOREIGN_JKU
    with pytest.raises(TlSigningException, match="no jwk found"):
        foreign.verify(client.jwks())

    client.turn("PUT", "webhooks", old_timestamp=1)
    client.turn("POST", "events", type="payment_settled")
    old = endpoint.next()
    old.verify(client.jwks())
    assert sent_ago(old) > dt.timedelta(minutes=55)


def test_keys_rotate_and_old_ones_end_when_they_are_told_to(
    client: Client, endpoint: Endpoint
) -> None:
    client.turn("POST", "events", type="before")
    before, old_keys = endpoint.next(), client.jwks()
    client.turn("POST", "keys")
    client.turn("POST", "events", type="after")
    after = endpoint.next()
    with pytest.raises(TlSigningException, match="no jwk found"):
        after.verify(old_keys)
    after.verify(client.jwks())
    before.verify(client.jwks())

    client.turn("POST", "keys", keep_old=False)
    assert len(client.jwks()["keys"]) == 1
    with pytest.raises(TlSigningException, match="no jwk found"):
        after.verify(client.jwks())


def test_a_refused_delivery_is_made_again_with_a_signature_of_its_own(
    client: Client, endpoint: Endpoint
) -> None:
    endpoint.statuses.put(500)
    endpoint.statuses.put(302)
    client.turn("POST", "events", type="payment_settled")
    received = [endpoint.next() for _ in range(3)]
    assert len({one.told["event_id"] for one in received}) == 1
    assert len({one.headers["Tl-Signature"] for one in received}) == 3
    for one in received:
        one.verify(client.jwks())
    wait_until(lambda: client.turn("GET", "events")["items"][0]["is_delivered"])
    with pytest.raises(Empty):
        endpoint.next(timeout_s=0.2)


def test_duplicates_disorder_and_delays_on_demand(client: Client, endpoint: Endpoint) -> None:
    client.turn("PUT", "webhooks", paused=True)
    kinds = [f"kind.{number}" for number in range(15)]
    for kind in kinds:
        client.turn("POST", "events", type=kind)
    client.turn("PUT", "webhooks", seed=3, duplicate=0.5, reorder_window=15)
    wait_until(lambda: endpoint.received.qsize() > 15)
    wait_until(lambda: all(one["is_delivered"] for one in client.turn("GET", "events")["items"]))
    arrived = [endpoint.next().told["type"] for _ in range(endpoint.received.qsize())]
    assert set(arrived) == set(kinds)
    assert list(dict.fromkeys(arrived)) != kinds

    client.turn("PUT", "webhooks", delay=1, delay_max_s=3 * 24 * 3600)
    late = client.turn("POST", "events", type="late")
    with pytest.raises(Empty):
        endpoint.next(timeout_s=0.2)
    client.turn("POST", "clock", advance_s=3 * 24 * 3600)
    assert endpoint.next().told["event_id"] == late["id"]


def test_dropped_webhooks_are_redelivered_on_demand(client: Client, endpoint: Endpoint) -> None:
    client.turn("PUT", "webhooks", drop=1)
    dropped = client.turn("POST", "events", type="dropped")["id"]
    with pytest.raises(Empty):
        endpoint.next(timeout_s=0.2)
    client.turn("PUT", "webhooks")
    assert client.turn("POST", "redeliver", events=[dropped], copies=[3, 3]) == {"deliveries": 3}
    assert {endpoint.next().told["event_id"] for _ in range(3)} == {dropped}


def test_knobs_are_turned_with_the_secret_and_by_their_names(client: Client) -> None:
    assert client.try_to_turn("PUT", "webhooks", invention=1).status_code == 400
    assert client.try_to_turn("PUT", "moments", soon_s=1).status_code == 400
    assert client.try_to_turn("PUT", "webhooks", duplicate=1).status_code == 400
    assert client.try_to_turn("POST", "transfers", amount=0).status_code == 400
    answer = client.get("/_sandbox/events")  # a token of the API is not enough
    assert answer.status_code == 401


def test_undelivered_webhooks_survive_a_restart(
    account: Account, endpoint: Endpoint, signing_key: str, tmp_path: Path
) -> None:
    for _ in range(50):
        endpoint.statuses.put(503)
    with SimulatedBank(account, data=tmp_path / "kept.db", retry_first_s=60) as bank:
        Client(bank, signing_key).turn("POST", "events", type="kept")
        endpoint.next()
    endpoint.statuses.queue.clear()
    with SimulatedBank(account, data=tmp_path / "kept.db") as again:
        received = endpoint.next()
        received.verify(Client(again, signing_key).jwks())
    assert received.told["type"] == "kept"
