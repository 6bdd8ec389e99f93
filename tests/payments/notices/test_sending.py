"""What arrives at a receiver, how often and when; checked by the library's own verifier."""

import datetime as dt
import json

import pytest
from standardwebhooks import WebhookVerificationError

from payments.database import transaction
from payments.notices.claim_due import LEASE_S, claim_due
from payments.notices.deliveries import send_test
from payments.notices.endpoints import remove_endpoint
from payments.notices.rotate_secret import rotate_secret
from payments.notices.send import send
from payments.outgoing.calls import OutgoingCalls
from tests.conditions import wait_until
from tests.payments.notices.office import LOOPBACK, SERVICE, Office
from tests.payments.notices.receivers import Receiver, hangs, receiver, resets
from tests.payments.shop import CIPHER


def test_a_change_arrives_signed_with_ids_states_and_amounts_and_nothing_personal(
    office: Office, backend: Receiver
) -> None:
    endpoint = office.endpoint(backend.url)
    assert endpoint.secret is not None
    personal = {"message": "Ada's card", "code": "card_declined", "stripe_code": None}
    office.change(
        "pay_1", failure=personal, next_action={"url": "https://secret"}, name="Ada", bank=None
    )
    assert office.send() == 1
    [heard] = backend.heard
    told = heard.verified_by(endpoint.secret)
    assert told == {
        "type": "payment.updated",
        "timestamp": office.now.isoformat().replace("+00:00", "Z"),
        "position": told["position"],
        "data": {
            "id": "pay_1",
            "status": "succeeded",
            "amount": "12500",
            "failure": {"code": "card_declined", "stripe_code": None},
            "bank": None,
        },
    }
    assert heard.headers["webhook-id"].startswith("ntc_")
    assert heard.headers["content-type"] == "application/json"
    assert office.states() == ["delivered"]
    with pytest.raises(WebhookVerificationError):
        heard.verified_by("whsec_" + "A" * 43 + "=")


def test_who_asked_for_some_topics_hears_of_those(office: Office, backend: Receiver) -> None:
    with receiver() as other:
        office.endpoint(backend.url, topics=["order.updated"])
        office.endpoint(other.url)
        office.change("pay_1")
        office.change("ord_1", topic="order.updated")
        office.change("run_1", topic="reconciliation.progress")
        assert office.send() == 3
        assert [json.loads(one.body)["data"]["id"] for one in backend.heard] == ["ord_1"]
        assert sorted(json.loads(one.body)["data"]["id"] for one in other.heard) == [
            "ord_1",
            "pay_1",
        ]


def test_without_an_endpoint_nothing_is_written(office: Office, backend: Receiver) -> None:
    assert office.change("pay_1", "pay_2") == 0
    office.endpoint(backend.url)
    assert office.send() == 0


@pytest.mark.parametrize("status", [301, 307, 400, 404, 500, 502])
def test_what_was_refused_is_sent_again_with_the_same_id_and_a_new_signature(
    office: Office, backend: Receiver, status: int
) -> None:
    endpoint = office.endpoint(backend.url)
    office.change()
    backend.status = status
    backend.answer_headers["Location"] = backend.url + "/elsewhere"
    office.send()
    [one] = office.deliveries()
    assert (one.delivery.state, one.delivery.last_status) == ("waiting", status)
    backend.status = 200
    office.later(seconds=4)
    assert office.send() == 0
    office.later(seconds=8)
    assert office.send() == 1
    first, second = backend.heard
    assert {one.path for one in backend.heard} == {"/hooks"}
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert endpoint.secret is not None
    assert second.verified_by(endpoint.secret)


def test_it_is_tried_ten_times_over_three_days_and_then_given_up(
    office: Office, backend: Receiver
) -> None:
    endpoint = office.endpoint(backend.url)
    office.change()
    backend.status = 500
    begun, gaps = office.now, []
    while office.states() == ["waiting"]:
        office.now = office.deliveries()[0].delivery.due_at
        gaps.append(office.now - begun)
        office.send()
    assert len(backend.heard) == 10
    expected = [0, 5, 305, 2105, 9305, 27305, 63305, 113705, 185705, 272105]
    for gap, seconds in zip(gaps, expected, strict=True):
        assert seconds <= gap.total_seconds() <= seconds * 1.1
    assert office.states() == ["failed"]
    assert office.shown(endpoint.row.id).status == "enabled"  # five days are not over


def test_a_reset_a_silence_and_nobody_are_tried_again(office: Office, backend: Receiver) -> None:
    office.endpoint(backend.url)
    office.change()
    backend.behave = resets
    office.send()
    assert office.deliveries()[0].delivery.last_error == "connection_lost"
    backend.behave = hangs(backend)
    office.later(minutes=10)
    office.send()
    assert office.deliveries()[0].delivery.last_error == "time_out"
    assert office.states() == ["waiting"]


@pytest.mark.parametrize(
    "wish",
    [f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT", "1 Jan 2030 00:00:00 +9999999999999", "-", "Mon,"],
)
def test_a_wish_that_is_no_time_is_none(office: Office, backend: Receiver, wish: str) -> None:
    office.endpoint(backend.url)
    backend.answer_headers["Retry-After"] = wish
    office.change("pay_1")
    assert office.send() == 1
    assert office.states() == ["delivered"]


def test_retry_after_is_honoured_for_all_notices_of_that_receiver(
    office: Office, backend: Receiver
) -> None:
    endpoint = office.endpoint(backend.url)
    office.change("pay_1")
    backend.status, backend.answer_headers["Retry-After"] = 429, "3600"
    office.send()
    paused = office.now + dt.timedelta(hours=1)
    assert office.shown(endpoint.row.id).paused_until == paused
    assert office.deliveries()[0].delivery.due_at == paused
    backend.status = 204
    office.change("pay_2")
    office.later(minutes=59)
    assert office.send() == 0
    office.later(minutes=1)
    assert office.send() == 2
    assert office.shown(endpoint.row.id).paused_until is None


def test_a_slow_receiver_holds_up_no_other(office: Office, backend: Receiver) -> None:
    with receiver() as slow:
        slow.behave = hangs(slow)
        office.endpoint(slow.url)
        quick = office.endpoint(backend.url)
        office.change(*(f"pay_{number}" for number in range(30)))
        seen = 0
        while len(backend.heard) < 30:
            office.sender.begin_due()
            office.sender.wait(seen=seen, timeout_s=0.05)
            seen = office.sender.ended
        assert len(slow.heard) <= 8  # they lie there all the while
        wait_until(lambda: office.states(quick.row.id) == ["delivered"] * 30)


def test_one_that_fails_is_asked_one_at_a_time_and_gets_the_rest_once_it_is_back(
    office: Office, backend: Receiver
) -> None:
    endpoint = office.endpoint(backend.url)
    backend.status = 500
    office.change(*(f"pay_{number}" for number in range(20)))
    assert office.sender.begin_due() == 8
    wait_until(lambda: office.sender.ended == 8)
    assert office.sender.begin_due() == 1
    wait_until(lambda: office.sender.ended == 9)
    office.send()
    assert office.shown(endpoint.row.id).failing_since == office.now
    office.later(hours=1)
    office.send()  # each has failed three times now, or so: the next time is hours away
    backend.status = 204
    office.change("pay_new")
    heard = len(backend.heard)
    office.send()
    assert len(backend.heard) == heard + 21
    assert office.states() == ["delivered"] * 21
    assert office.shown(endpoint.row.id).failing_since is None


def test_old_and_new_secret_sign_both_until_the_overlap_ends(
    office: Office, backend: Receiver
) -> None:
    endpoint = office.endpoint(backend.url)
    old = endpoint.secret
    with transaction(office.engine) as session:
        new = rotate_secret(
            session,
            caller=SERVICE,
            reference="rotation",
            endpoint_id=endpoint.row.id,
            overlap=dt.timedelta(minutes=2),
            cipher=CIPHER,
            now=office.now,
        ).resource.secret
    assert old is not None
    assert new is not None
    assert old != new
    office.change("pay_1")
    office.send()
    assert len(backend.heard[0].headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        assert backend.heard[0].verified_by(secret)
    office.later(minutes=2)
    office.change("pay_2")
    office.send()
    assert backend.heard[1].verified_by(new)
    with pytest.raises(WebhookVerificationError):
        backend.heard[1].verified_by(old)


def test_who_is_cut_off_between_sending_and_noting_sends_it_again_with_the_same_id(
    office: Office, backend: Receiver
) -> None:
    office.endpoint(backend.url)
    office.change()
    calls = OutgoingCalls(private_networks=LOOPBACK)
    with transaction(office.engine) as session:
        [claimed] = claim_due(session, cipher=CIPHER, lanes=8, busy={}, now=office.now)
    assert send(calls, claimed, now=office.now).is_delivered
    calls.close()  # and it dies here
    assert office.send() == 0
    office.later(seconds=LEASE_S)
    assert office.send() == 1
    first, second = backend.ids
    assert first == second


def test_a_test_goes_to_one_endpoint_alone(office: Office, backend: Receiver) -> None:
    with receiver() as other:
        office.endpoint(other.url)
        endpoint = office.endpoint(backend.url, topics=["order.updated"])
        with transaction(office.engine) as session:
            send_test(session, endpoint.row.id, now=office.now)
        assert office.send() == 1
        assert json.loads(backend.heard[0].body)["type"] == "endpoint.test"
        assert other.heard == []


def test_a_name_that_leads_inwards_is_not_called(office: Office, backend: Receiver) -> None:
    endpoint = office.endpoint("https://hooks.shop.test/")
    office.sender.close()
    office.sender._calls._resolve = lambda *_: ["10.0.0.1"]
    office.sender._pools.clear()
    office.change()
    office.send()
    [one] = office.deliveries(endpoint.row.id)
    assert (one.delivery.state, one.delivery.last_error) == ("waiting", "address_not_allowed")
    assert backend.heard == []


def test_threads_of_endpoints_that_are_no_more_are_let_go_of(
    office: Office, backend: Receiver
) -> None:
    for number in range(12):
        endpoint = office.endpoint(backend.url)
        office.change(f"pay_{number}")
        assert office.send() == 1
        with transaction(office.engine) as session:
            remove_endpoint(session, endpoint.row.id, now=office.now)
    assert len(office.sender._pools) <= 10
    assert len(backend.heard) == 12
