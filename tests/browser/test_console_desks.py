"""The console's desks at work: letters that died, lines nothing explains, banners, new keys."""

import datetime as dt
import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import expect
from sqlalchemy import Engine, text

from payments.database import connect_engine, transaction
from sandbox.calls import TIMEOUT_S, created, new_order
from sandbox.stripe.webhooks import signature
from tests.browser.conftest import Browse
from tests.browser.desk import Desk
from tests.journeys.bank import BankRail
from tests.journeys.bank_desk import Desk as BankDesk
from tests.journeys.bank_desk import tomorrow
from tests.journeys.conftest import System

_DIES = text(
    "UPDATE strongroom.webhook_inbox SET state = 'dead', error = 'unknown_payment', attempts = 22,"
    " finished_at = now() WHERE event_id = :event_id"
)
_STATE = text("SELECT state FROM strongroom.webhook_inbox WHERE event_id = :event_id")


@pytest.fixture
def rows(system: System) -> Iterator[Engine]:
    """The way to the system's database, for what nobody can do over HTTP."""
    engine = connect_engine(system.database_url)
    yield engine
    engine.dispose()


def is_discarded(rows: Engine, event_id: str) -> bool:
    asked = text("SELECT discard_id FROM strongroom.webhook_inbox WHERE event_id = :event_id")
    with transaction(rows) as session:
        return session.execute(asked, {"event_id": event_id}).scalar_one() is not None


def state_of(rows: Engine, event_id: str) -> str:
    with transaction(rows) as session:
        return str(session.execute(_STATE, {"event_id": event_id}).scalar_one())


@pytest.fixture
def dead_event(system: System, rows: Engine) -> str:
    """The id of an event that means nothing here, and died all the same."""
    event_id = f"evt_{secrets.token_hex(16)}"
    now = int(dt.datetime.now(dt.UTC).timestamp())  # noqa: TID251 - the system's clock is real
    event = {
        "id": event_id,
        "object": "event",
        "type": "customer.created",
        "livemode": False,
        "created": now,
        "api_version": "2026-10-28.endive",
        "data": {"object": {"id": "cus_1", "object": "customer", "email": "ada@example.com"}},
    }
    payload = json.dumps(event).encode()
    secret = system.way_in.webhook_secrets["stripe"].partition(",")[0]
    taken = requests.post(
        f"{system.way_in.base_url}/api/webhooks/stripe",
        data=payload,
        headers={
            "Stripe-Signature": signature(payload, secret, timestamp=now),
            "Content-Type": "application/json",
        },
        timeout=TIMEOUT_S,
    )
    assert taken.ok, taken.text
    with transaction(rows) as session:
        session.execute(_DIES, {"event_id": event_id})
    return event_id


def test_a_dead_letter_is_looked_into_and_replayed(
    browse: Browse, system: System, rows: Engine, dead_event: str
) -> None:
    desk = Desk.of(browse, system, "operator")
    desk.goto("/console/dead-letters?kind=event")
    letter = desk.page.get_by_role("article").filter(has_text=dead_event)
    expect(letter).to_contain_text("unknown_payment")
    expect(letter).not_to_contain_text("cus_1")
    letter.get_by_role("button", name="Reveal").click()
    desk.confirm("Reveal", reason="Ticket 4711")
    expect(letter).to_contain_text("cus_1")
    expect(letter).not_to_contain_text("ada@example.com")
    desk.visit.picture("1-looked-into")
    letter.get_by_role("button", name="Replay this one").click()
    expect(desk.dialog.get_by_text("This would happen")).to_be_visible()
    assert state_of(rows, dead_event) == "dead", "a dry run replays nothing"
    desk.visit.picture("2-would-happen", whole=False)
    desk.confirm("Replay this one", reason="It is known now.")
    expect(letter).to_have_count(0)
    desk.visit.until(lambda: state_of(rows, dead_event) == "ignored")
    desk.visit.picture("3-replayed")


def test_marked_letters_are_replayed_together(
    browse: Browse, system: System, rows: Engine, dead_event: str
) -> None:
    desk = Desk.of(browse, system, "operator")
    desk.goto("/console/dead-letters?kind=event")
    letter = desk.page.get_by_role("article").filter(has_text=dead_event)
    letter.get_by_role("checkbox").check()
    desk.page.get_by_role("button", name="Replay the marked").click()
    desk.confirm("Replay the marked", reason="They are known now.")
    expect(letter).to_have_count(0)
    desk.visit.until(lambda: state_of(rows, dead_event) == "ignored")


def test_a_dead_letter_is_discarded_for_a_reason_and_listed_apart(
    browse: Browse, system: System, rows: Engine, dead_event: str
) -> None:
    desk = Desk.of(browse, system, "operator")
    desk.goto("/console/dead-letters?kind=event")
    letter = desk.page.get_by_role("article").filter(has_text=dead_event)
    letter.get_by_role("button", name="Discard this one").click()
    expect(desk.dialog).to_contain_text("Nothing is ever done about it")
    expect(desk.dialog.get_by_text("This would happen")).to_be_visible()
    expect(desk.dialog.locator(".foreseen")).to_contain_text("accepted")
    assert not is_discarded(rows, dead_event), "a dry run gives nothing up"
    desk.visit.picture("1-would-happen", whole=False)
    desk.confirm("Discard this one")
    expect(desk.dialog.get_by_role("textbox")).to_be_focused()  # it asks why, and goes no further
    assert not is_discarded(rows, dead_event)

    why = f"A test of the old shop, {secrets.token_hex(4)}"
    desk.confirm("Discard this one", reason=why)
    expect(letter).to_have_count(0)
    assert is_discarded(rows, dead_event)
    desk.page.get_by_role("link", name="discarded").click()
    kept = desk.page.get_by_role("article").filter(has_text=dead_event)
    expect(kept).to_contain_text(why)
    expect(kept.get_by_role("button", name="Discard this one")).to_have_count(0)
    desk.visit.picture("2-discarded")
    for state, times in (("dead", 0), ("discarded", 1)):
        desk.goto(f"/console/webhooks?state={state}")
        expect(desk.row(dead_event)).to_have_count(times)


@pytest.fixture
def nameless_transfer(system: System, rows: Engine) -> dict[str, Any]:
    """A payment by bank whose money came without its reference, and stands on a statement."""
    rail = BankRail(system, rows)
    asked = new_order(system.cast) | {"currency": "EUR"}
    asked["lines"][0]["unit_amount"] = str(10_000 + secrets.randbelow(80_000))
    url = f"{system.way_in.base_url}/api/orders"
    order = created(system.cast.backend.post(url, json=asked, timeout=TIMEOUT_S))
    payment = rail.link("EUR", order)
    words = {"account": "EUR", "text": "thank you", "amount": int(payment["amount"])}
    rail.knob("transfers", words)
    BankDesk(rail).reconcile("main", to=tomorrow())
    return payment


def test_a_line_is_matched_with_the_payment_beside_it(
    browse: Browse, system: System, nameless_transfer: dict[str, Any]
) -> None:
    desk = Desk.of(browse, system, "finance")
    desk.goto(f"/console/reconciliation?kind=line&amount={nameless_transfer['amount']}")
    line = desk.page.get_by_role("article").filter(has_text=nameless_transfer["id"])
    expect(line).not_to_contain_text("thank you")
    line.get_by_role("button", name="Reveal").click()
    desk.confirm("Reveal", reason="Ticket 4712")
    expect(line).to_contain_text("thank you")
    desk.visit.picture("1-beside-each-other")
    candidate = line.locator(".candidate").filter(has_text=nameless_transfer["id"])
    candidate.get_by_role("button", name="Match").click()
    expect(desk.dialog.get_by_text("This would happen")).to_be_visible()
    desk.visit.picture("2-would-happen", whole=False)
    desk.confirm("Match", reason="The payer forgot the reference.")
    expect(line).to_have_count(0)
    paid = system.payment_now(nameless_transfer, system.cast.finance).json()
    assert paid["status"] == "succeeded"


def test_an_incident_is_opened_and_everybody_sees_its_banner(
    browse: Browse, system: System
) -> None:
    operator = Desk.of(browse, system, "operator")
    support = Desk.of(browse, system, "support")
    support.goto("/console/runbooks")
    operator.goto("/console/incidents")
    said = f"Bank payments take longer than usual ({secrets.token_hex(3)})."
    operator.page.get_by_label("What is wrong").fill("The provider settles late")
    operator.page.get_by_label("Severity").select_option("P2")
    operator.page.get_by_label("bank", exact=True).check()
    operator.page.get_by_label("Banner").fill(said)
    operator.page.get_by_role("button", name="Open the incident").click()
    expect(operator.dialog.get_by_text("This would happen")).to_be_visible()
    expect(support.page.locator("[data-banner]")).not_to_contain_text(said)
    operator.confirm("Open the incident")
    for desk in (operator, support):  # the second has not done anything
        expect(desk.page.locator("[data-banner]")).to_contain_text(said)
    support.visit.picture("1-banner", whole=False)
    going_on = operator.page.locator("#going-on article").filter(has_text=said)
    operator.visit.picture("2-going-on")
    going_on.get_by_role("button", name="Resolve").click()
    operator.confirm("Resolve")
    expect(going_on).to_have_count(0)
    expect(support.page.locator("[data-banner]")).not_to_contain_text(said)


def test_a_new_key_is_shown_once_and_revoked(browse: Browse, system: System) -> None:
    admin = Desk.of(browse, system, "admin")
    admin.goto("/console/secrets")
    name = f"Shop {secrets.token_hex(3)}"
    admin.page.get_by_label("What it is for").fill(name)
    admin.page.locator("select[name=role]").select_option("support")
    admin.page.get_by_role("button", name="Make the key").click()
    shown = admin.dialog.get_by_role("code")
    expect(shown).to_contain_text("srk_")
    key = {"Authorization": f"Bearer {shown.inner_text()}"}
    admin.dialog.get_by_role("button", name="I have kept it").click()
    url = f"{system.way_in.base_url}/api/ops/pending"
    assert requests.get(url, headers=key, timeout=TIMEOUT_S).status_code == 200
    admin.row(name).get_by_role("button", name="Revoke").click()
    admin.confirm("Revoke", reason="It was for a test.")
    expect(admin.row(name)).to_contain_text("revoked")
    assert requests.get(url, headers=key, timeout=TIMEOUT_S).status_code == 401
    admin.goto("/console/audit?action=keys.revoke")
    expect(admin.row("It was for a test.").first).to_be_visible()
    admin.visit.picture("audited")
