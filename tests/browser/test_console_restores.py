"""A restore at the console, from its beginning to its end by two: all that the commands do."""

import datetime as dt
import secrets
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import expect

from sandbox.calls import TIMEOUT_S, created
from sandbox.way_in import loopback_session
from tests.browser.conftest import Browse
from tests.browser.desk import Desk
from tests.conditions import wait_until
from tests.journeys.conftest import System

PATIENCE_MS = 60_000  # a look goes through all that earlier tests did


@pytest.fixture
def restores(system: System) -> Iterator[str]:
    """The calls of restores; in the end none goes on: other tests share the system."""
    url = f"{system.way_in.base_url}/api/ops/restores"
    yield url
    one, other = (loopback_session(system.way_in.api_keys[who]) for who in ("operator", "admin"))
    going_on = created(one.get(url, timeout=TIMEOUT_S))["data"][:1]
    if not going_on or going_on[0]["status"] == "finished":
        return
    call = f"{url}/{going_on[0]['id']}"
    if going_on[0]["reconciled_at"] is None:
        body = {"reference": secrets.token_hex(16)}
        created(one.post(f"{call}/reconcile", json=body, timeout=TIMEOUT_S))
        wait_until(
            lambda: created(one.get(call, timeout=TIMEOUT_S))["reconciled_at"] is not None,
            timeout_s=PATIENCE_MS / 1000,
        )
    settle_all(one, url, going_on[0]["id"])
    for who in (one, other):
        who.post(f"{call}/finish", json={"reference": secrets.token_hex(16)}, timeout=TIMEOUT_S)


def settle_all(who: requests.Session, url: str, restore_id: str) -> None:
    """Settle what is open still."""
    found = created(who.get(f"{url}/{restore_id}", timeout=TIMEOUT_S))["findings"]
    for finding in found:
        if finding["status"] == "open":
            body = {"reference": secrets.token_hex(16), "note": "A drill: nothing there."}
            settle = f"{url}/findings/{finding['id']}/settle"
            created(who.post(settle, json=body, timeout=TIMEOUT_S))


def comes_next(desk: Desk, step: str) -> None:
    """The step of the way that is marked."""
    expect(desk.page.locator(".way [aria-current=step]")).to_contain_text(step)


def begin(first: Desk) -> str:
    """Begin a restore, from the page where none goes on; its id."""
    first.visit.expects("status of 401")  # everybody is signed out, and so is who begins it
    first.goto("/console/restores")
    way = first.page.get_by_role("list", name="The way of a restore").get_by_role("listitem")
    expect(way).to_contain_text(["Begin", "Reconcile", "Settle", "Finish"])
    first.visit.picture("1-none-goes-on")
    moment = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)  # noqa: TID251 - the system's clock
    first.page.get_by_label("Back to, UTC").fill(moment.strftime("%Y-%m-%dT%H:%M"))
    first.page.get_by_role("button", name="Begin the restore").click()
    expect(first.dialog.get_by_text("This would happen")).to_be_visible()
    expect(first.dialog).to_contain_text("Everybody is signed out")
    first.visit.picture("2-beginning", whole=False)
    first.confirm("Begin the restore", reason="A drill.")
    first.page.wait_for_url("**/console/restores/rst_*")
    expect(first.page.get_by_role("link", name="Sign in")).to_be_visible()
    return first.page.url.rpartition("/")[2]


def test_a_restore_is_begun_reconciled_settled_and_finished_by_two(
    browse: Browse, system: System, restores: str
) -> None:
    system.pay()
    restore_id = begin(Desk.of(browse, system, "operator"))
    operator = Desk.of(browse, system, "operator")
    operator.goto("/console/restores")
    comes_next(operator, "Reconcile")
    operator.visit.picture("3-nothing-is-sent")
    operator.page.get_by_role("link", name="See it through", exact=True).click()
    operator.page.wait_for_url("**/console/restores/rst_*", wait_until="load")
    operator.page.get_by_role("button", name="Ask all providers").click()
    expect(operator.dialog.get_by_text("This would happen")).to_be_visible()
    operator.confirm("Ask all providers")
    end = operator.page.locator("#end")
    expect(end).to_contain_text("All providers were asked.", timeout=PATIENCE_MS)
    comes_next(operator, "Settle")
    operator.visit.picture("4-reconciled")

    finding = operator.page.locator("#findings").get_by_role("row").filter(has_text="api_keys")
    finding.get_by_text("Settle…").click()
    finding.get_by_label("What you found, or did").fill("Compared: none was revoked since.")
    finding.get_by_role("button", name="Settle it").click()
    expect(operator.dialog.get_by_text("This would happen")).to_be_visible()
    operator.confirm("Settle it")
    expect(finding).to_contain_text("Compared: none was revoked since.")
    operator.visit.picture("5-settled")
    settle_all(loopback_session(system.way_in.api_keys["operator"]), restores, restore_id)
    operator.goto(f"/console/restores/{restore_id}")
    comes_next(operator, "Finish")
    operator.page.get_by_role("button", name="Ask to finish it").click()
    operator.confirm("Ask to finish it")
    expect(end).to_contain_text("You asked for the end; somebody else must agree.")

    second = Desk.of(browse, system, "second_operator")
    second.goto(f"/console/restores/{restore_id}")
    second.page.get_by_role("button", name="Agree, and finish it").click()
    second.confirm("Agree, and finish it")
    expect(second.page.locator("#end")).to_contain_text("It is finished: money moves.")
    second.visit.picture("6-finished")
    second.goto("/console/restores")
    expect(second.page.locator("#restores")).to_contain_text("Nothing speaks against sending.")
    assert system.order()["status"], "what was put off is done again"
