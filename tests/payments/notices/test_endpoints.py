"""Endpoints: what may be one, how one is disabled and enabled again, and what is sent again."""

import datetime as dt
import io
import secrets
from typing import Any

import pytest

from payments.database import transaction
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.log_lines import configure_log_lines
from payments.notices import endpoints
from payments.notices.prune import prune_notices
from payments.notices.request_replay import WantedNotices, request_replay
from payments.notices.rotate_secret import rotate_secret
from payments.notices.tables import NoticeReplay
from tests.payments.notices.office import SERVICE, Office
from tests.payments.notices.receivers import Receiver
from tests.payments.shop import CIPHER


def replay(office: Office, endpoint_id: str, **wanted: Any) -> NoticeReplay:
    with transaction(office.engine) as session:
        return request_replay(
            session,
            caller=SERVICE,
            reference=secrets.token_hex(16),
            endpoint_id=endpoint_id,
            wanted=WantedNotices(**wanted),
            now=office.now,
        ).resource


def test_a_url_that_leads_inwards_is_refused_at_once(office: Office) -> None:
    for url in ("http://hooks.shop.test:70000/", "https://10.0.0.1/", "https://169.254.169.254/"):
        with pytest.raises(InvalidRequestError) as told:
            office.endpoint(url)
        assert list(told.value.errors) == ["url"]
    with pytest.raises(InvalidRequestError):
        office.endpoint("https://hooks.shop.test/", topics=["card.number"])


def test_the_same_reference_makes_one_endpoint_and_shows_its_secret_once(office: Office) -> None:
    def add(url: str) -> Any:
        with transaction(office.engine) as session:
            return endpoints.add_endpoint(
                session,
                caller=SERVICE,
                reference="the-same",
                url=url,
                topics=[],
                description="",
                private_networks=(),
                cipher=CIPHER,
                now=office.now,
            )

    first, again = add("https://hooks.shop.test/"), add("https://hooks.shop.test/")
    assert first.resource.secret.startswith("whsec_")
    assert (again.replayed, again.resource.secret) == (True, None)
    assert again.resource.row.id == first.resource.row.id
    assert first.resource.secret not in repr(first)


def test_there_are_ten_endpoints_at_most(office: Office) -> None:
    for number in range(endpoints.MAX_ENDPOINTS):
        office.endpoint(f"https://hooks{number}.shop.test/")
    with pytest.raises(ConflictError):
        office.endpoint("https://hooks.shop.test/")


def test_410_disables_at_once(office: Office, backend: Receiver) -> None:
    lines = io.StringIO()
    configure_log_lines("INFO", stream=lines)
    endpoint = office.endpoint(backend.url)
    backend.status = 410
    office.change("pay_1")
    office.send()
    row = office.shown(endpoint.row.id)
    assert (row.status, row.disabled_reason) == ("disabled", "gone")
    assert lines.getvalue().count("notice_endpoint_disabled") == 1
    office.later(days=1)
    assert office.change("pay_2") == 0
    assert office.send() == 0
    assert len(backend.heard) == 1


def test_five_days_of_failures_disable_and_enabling_sends_what_waits(
    office: Office, backend: Receiver
) -> None:
    lines = io.StringIO()
    configure_log_lines("INFO", stream=lines)
    endpoint = office.endpoint(backend.url)
    backend.status = 500
    for day in range(6):
        assert office.shown(endpoint.row.id).status == "enabled"
        office.change(f"pay_{day}")
        office.send()
        office.later(hours=23, minutes=59)
    office.later(minutes=6)
    office.send()
    row = office.shown(endpoint.row.id)
    assert (row.status, row.disabled_reason) == ("disabled", "failing")
    assert "notice_endpoint_disabled" in lines.getvalue()
    assert office.change("pay_meanwhile") == 0
    backend.status, heard = 204, len(backend.heard)
    waiting = office.states().count("waiting")
    office.enable(endpoint.row.id)
    row = office.shown(endpoint.row.id)
    assert (row.status, row.failing_since, row.disabled_at) == ("enabled", None, None)
    office.later(days=1)
    assert office.send() == waiting
    # What happened meanwhile was written down: it is there to be replayed.
    assert replay(office, endpoint.row.id, since=office.now - dt.timedelta(days=8)).accepted == 7
    assert office.send() == 7
    assert len(backend.heard) == heard + waiting + 7
    assert set(office.states()) == {"delivered"}


def test_one_success_begins_the_five_days_anew(office: Office, backend: Receiver) -> None:
    endpoint = office.endpoint(backend.url)
    for status in (500, 204, 500):
        backend.status = status
        office.change("pay_1")
        office.send()
        office.later(days=3)
    row = office.shown(endpoint.row.id)
    assert (row.status, row.failing_since) == ("enabled", office.now - dt.timedelta(days=3))


def test_disabled_by_hand_it_waits(office: Office, backend: Receiver) -> None:
    endpoint = office.endpoint(backend.url)
    office.change("pay_1")
    office.enable(endpoint.row.id, enabled=False)
    assert office.send() == 0
    assert office.shown(endpoint.row.id).disabled_reason == "by_hand"
    with pytest.raises(ConflictError):
        replay(office, endpoint.row.id, since=office.now - dt.timedelta(hours=1))
    office.enable(endpoint.row.id)
    assert office.send() == 1


def test_a_replay_of_one_of_many_and_of_all_since(office: Office, backend: Receiver) -> None:
    endpoint = office.endpoint(backend.url)
    for number in range(4):
        office.change(f"pay_{number}")
        office.later(minutes=1)
    office.send()
    ids = sorted(backend.ids)
    backend.heard.clear()
    assert replay(office, endpoint.row.id, notice_ids=(ids[0],)).accepted == 1
    office.send()
    assert backend.ids == [ids[0]]
    assert replay(office, endpoint.row.id, notice_ids=tuple(ids[:3])).accepted == 3
    office.send()
    assert sorted(backend.ids[1:]) == sorted(ids[:3])
    backend.heard.clear()
    since = office.now - dt.timedelta(minutes=2)
    assert replay(office, endpoint.row.id, since=since).accepted == 2
    office.send()
    assert sorted(backend.ids) == sorted(ids[2:])
    assert office.states() == ["delivered"] * 4


def test_a_new_endpoint_can_be_told_what_happened_before_it(
    office: Office, backend: Receiver
) -> None:
    office.endpoint("https://hooks.shop.test/")
    office.change("pay_1")
    office.change("ord_1", topic="order.updated")
    endpoint = office.endpoint(backend.url, topics=["order.updated"])
    since = office.now - dt.timedelta(minutes=1)
    assert replay(office, endpoint.row.id, since=since).accepted == 1


def test_a_replay_of_nothing_or_of_what_is_not_kept_is_refused(
    office: Office, backend: Receiver
) -> None:
    endpoint_id = office.endpoint(backend.url).row.id
    wrong: list[dict[str, Any]] = [
        {},
        {"notice_ids": ("ntc_1",), "since": office.now},
        {"notice_ids": ("ntc_unknown",)},
        {"since": office.now - dt.timedelta(days=31)},
        {"since": office.now + dt.timedelta(seconds=1)},
    ]
    for wanted in wrong:
        with pytest.raises(InvalidRequestError):
            replay(office, endpoint_id, **wanted)
    with pytest.raises(NotFoundError):
        replay(office, "nep_unknown", since=office.now)


def test_a_removed_endpoint_hears_nothing_more(office: Office, backend: Receiver) -> None:
    endpoint = office.endpoint(backend.url)
    office.change("pay_1")
    with transaction(office.engine) as session:
        endpoints.remove_endpoint(session, endpoint.row.id, now=office.now)
    assert office.send() == 0
    assert office.change("pay_2") == 0
    with transaction(office.engine) as session, pytest.raises(NotFoundError):
        endpoints.read_endpoint(session, endpoint.row.id)


def test_three_secrets_may_be_live_at_once(office: Office, backend: Receiver) -> None:
    endpoint = office.endpoint(backend.url)

    def rotate(overlap: dt.timedelta) -> None:
        with transaction(office.engine) as session:
            rotate_secret(
                session,
                caller=SERVICE,
                reference=secrets.token_hex(16),
                endpoint_id=endpoint.row.id,
                overlap=overlap,
                cipher=CIPHER,
                now=office.now,
            )

    rotate(dt.timedelta(hours=1))
    rotate(dt.timedelta(hours=1))
    with pytest.raises(ConflictError):
        rotate(dt.timedelta(hours=1))
    rotate(dt.timedelta(0))  # as after a leak: nothing old signs any more
    office.change()
    office.send()
    assert len(backend.heard[0].headers["webhook-signature"].split(" ")) == 1


def test_notices_are_kept_for_a_month(office: Office, backend: Receiver) -> None:
    office.endpoint(backend.url)
    office.change("pay_1")
    office.later(days=31)
    office.change("pay_2")
    with transaction(office.engine) as session:
        before = office.now - dt.timedelta(days=30)
        assert prune_notices(session, created_before=before, limit=1000) >= 1
    assert len(office.deliveries()) == 1
