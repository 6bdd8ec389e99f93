"""Payments by bank: who may ask, what is asked for once, and how the money comes and goes."""

import re
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.bank.account import OUR_ACCOUNTS, Account, new_private_key
from sandbox.bank.hosted_pages import BROWSER_FILES
from sandbox.bank.server import SimulatedBank
from tests.conditions import wait_until
from tests.sandbox.bank.client import REFERENCE, Client, new_payment

MAIN = OUR_ACCOUNTS[0].id
BACK = "http://127.0.0.1:8001/orders/ord_1"


def balance(client: Client) -> int:
    found: int = client.get(f"/v3/merchant-accounts/{MAIN}").json()["current_balance_in_minor"]
    return found


def refund_of(client: Client, payment_id: str, refund_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v3/payments/{payment_id}/refunds/{refund_id}").json()
    return found


def test_a_token_is_given_to_us_alone_and_ends(client: Client) -> None:
    assert client.ask_token(client_secret="another").json() == {"error": "invalid_client"}
    assert client.ask_token(grant_type="password").status_code == 400
    assert client.get("/v3/merchant-accounts").status_code == 200
    client.try_to_turn("POST", "clock", advance_s=3601)
    answer = client.get("/v3/merchant-accounts")
    assert (answer.status_code, answer.json()["title"]) == (401, "Unauthenticated")


@pytest.mark.parametrize("fault", ["another key", "another body", "no signature", "no token"])
def test_what_is_not_signed_by_us_is_refused(client: Client, fault: str) -> None:
    answer = {
        "another key": lambda: client.post(
            "/v3/payments", new_payment(), signing_key=new_private_key()
        ),
        "another body": lambda: client.post(
            "/v3/payments", new_payment(), **{"Idempotency-Key": "not what was signed"}
        ),
        "no signature": lambda: client.post("/v3/payments", new_payment(), **{"Tl-Signature": ""}),
        "no token": lambda: client.post("/v3/payments", new_payment(), Authorization="Bearer x"),
    }[fault]()
    assert answer.status_code == 401
    assert answer.json()["trace_id"] == answer.headers["Tl-Trace-Id"]
    assert balance(client) == 0


def test_a_key_makes_one_payment_and_no_other(client: Client) -> None:
    first = client.post("/v3/payments", new_payment(), key="k1")
    again = client.post("/v3/payments", new_payment(), key="k1")
    assert (first.status_code, again.json()) == (201, first.json())
    other = client.post("/v3/payments", new_payment(amount=1), key="k1")
    assert (other.status_code, other.json()["title"]) == (422, "Idempotency-Key Reuse")
    assert client.post("/v3/payments", new_payment(), key="k2").json()["id"] != first.json()["id"]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"amount": 0}, "amount_in_minor"),
        ({"amount_in_minor": "100"}, "amount_in_minor"),
        ({"reference": "more than 18 characters"}, "reference"),
        ({"user": {"name": "Ada"}}, "user"),
        ({"metadata": {str(n): "" for n in range(11)}}, "metadata"),
        ({"payment_method": {"type": "mandate"}}, "payment_method.type"),
    ],
)
def test_a_wrong_request_is_named_and_frees_its_key(
    client: Client, changed: dict[str, Any], named: str
) -> None:
    answer = client.post("/v3/payments", new_payment(**changed), key="k1")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [named]
    assert client.post("/v3/payments", new_payment(), key="k1").status_code == 201


def test_a_payer_chooses_a_bank_and_says_yes(client: Client) -> None:
    created = client.create()
    page = f"{client.url}/pay/{created['id']}"
    query = {"token": created["resource_token"], "return_uri": BACK}
    shown = requests.get(page, params=query, timeout=10)
    assert "Where is your account?" in shown.text
    assert "form-action 'self' http://127.0.0.1:8001" in shown.headers["Content-Security-Policy"]
    client.on_page("bank", created, bank="linden")
    asked = requests.get(page, params=query, timeout=10)
    assert "Linden Savings" in asked.text
    assert REFERENCE in asked.text
    assert client.payment(created["id"])["status"] == "authorizing"

    answer = client.on_page("answer", created, answer="authorise")
    assert answer.headers["Location"] == f"{BACK}?payment_id={created['id']}"
    assert client.payment(created["id"])["status"] == "authorized"
    # Saying it again changes nothing, also not to the contrary.
    client.on_page("answer", created, answer="not_authorized")
    assert client.payment(created["id"])["status"] == "authorized"


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        ("leave", "authorizing", ""),
        ("not_authorized", "failed", "&error=not_authorized"),
        ("insufficient_funds", "failed", "&error=insufficient_funds"),
    ],
)
def test_a_payer_refuses_or_walks_away(client: Client, answer: str, status: str, told: str) -> None:
    created = client.create()
    query = {"token": created["resource_token"], "return_uri": f"{BACK}?from=bank"}
    requests.get(f"{client.url}/pay/{created['id']}", params=query, timeout=10)
    client.on_page("bank", created, bank="fern")
    left = client.on_page("answer", created, answer=answer)
    expected = f"{BACK}?from=bank&payment_id={created['id']}{told}"
    assert (left.status_code, left.headers["Location"]) == (303, expected)
    assert client.payment(created["id"])["status"] == status


def test_the_page_is_for_who_has_its_token_and_leads_to_the_web_alone(client: Client) -> None:
    created = client.create()
    stolen = created | {"resource_token": "guessed"}
    assert client.on_page("answer", stolen, answer="authorise").status_code == 404
    query = {"token": created["resource_token"], "return_uri": "javascript:alert(1)"}
    shown = requests.get(f"{client.url}/pay/{created['id']}", params=query, timeout=10)
    assert "javascript:" not in shown.text
    left = client.on_page("answer", created, answer="authorise")
    assert left.headers["Location"].startswith(f"/pay/{created['id']}?")
    assert client.payment(created["id"])["status"] == "authorized"


def test_nothing_inline_is_in_the_pages() -> None:
    pages = list(BROWSER_FILES.glob("*.html"))
    assert len(pages) > 5
    for page in pages:
        inline = r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)"
        assert not re.search(inline, page.read_text())


def test_money_moves_when_it_settles_and_not_before(client: Client) -> None:
    created = client.create(amount=10150)
    for status, held in (("authorized", 0), ("executed", 0), ("settled", 10150)):
        assert client.push(created["id"], status)["status"] == status
        assert balance(client) == held
    found = client.payment(created["id"])
    assert found["payment_source"]["account_holder_name"] == "Ada Payer"
    assert found["metadata"] == {"payment_id": "pay_1", "amount_in_minor": "10150"}
    answer = client.try_to_turn("POST", f"payments/{created['id']}", to="failed")
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid State")


def test_steps_are_taken_in_time_and_a_stalled_payment_stays_executed(client: Client) -> None:
    client.turn("PUT", "moments", execution_s=3600, settlement_s=3600)
    client.turn("PUT", "outcomes", settlement="stalled")
    created = client.create()
    client.push(created["id"], "authorized")
    client.turn("POST", "clock", advance_s=3600)
    wait_until(lambda: kinds(client) == ["payment_executed"])
    client.turn("POST", "clock", advance_s=3600)
    wait_until(lambda: kinds(client) == ["payment_executed", "payment_settlement_stalled"])
    assert client.payment(created["id"])["status"] == "executed"
    assert balance(client) == 0

    assert client.turn("POST", "settle") == {"settled": [created["id"]]}
    assert client.payment(created["id"])["status"] == "settled"
    assert balance(client) == 10150


def kinds(client: Client) -> list[str]:
    return [event["type"] for event in client.turn("GET", "events")["items"]]


def test_a_payment_is_canceled_until_it_is_authorised(client: Client) -> None:
    created = client.create()
    answer = client.post(f"/v3/payments/{created['id']}/actions/cancel")
    assert (answer.status_code, answer.content) == (202, b"")
    found = client.payment(created["id"])
    assert (found["status"], found["failure_reason"]) == ("failed", "canceled")
    late = client.create()
    client.push(late["id"], "authorized")
    refused = client.post(f"/v3/payments/{late['id']}/actions/cancel")
    assert (refused.status_code, refused.json()["title"]) == (400, "Invalid State")


def test_a_payment_nobody_authorises_expires_if_it_is_said_when(client: Client) -> None:
    client.turn("PUT", "moments", expiry_s=900)
    created = client.create()
    client.turn("POST", "clock", advance_s=901)
    wait_until(lambda: client.payment(created["id"])["status"] == "failed")
    assert client.payment(created["id"])["failure_reason"] == "expired"


def test_refunds_leave_the_account_and_never_more_than_was_paid(client: Client) -> None:
    payment_id = client.settled(amount=10000)
    path = f"/v3/payments/{payment_id}/refunds"
    body = {"amount_in_minor": 4000, "reference": REFERENCE, "metadata": {"refund_id": "rfd_1"}}
    made = client.post(path, body, key="r1")
    assert made.status_code == 202
    assert client.post(path, body, key="r1").json() == made.json()
    refund_id = made.json()["id"]
    assert refund_of(client, payment_id, refund_id)["status"] == "pending"
    assert client.post(path, {"amount_in_minor": 6001}).status_code == 400
    assert balance(client) == 10000

    client.turn("POST", f"refunds/{refund_id}", to="executed")
    refund = refund_of(client, payment_id, refund_id)
    assert (refund["status"], refund["metadata"]) == ("executed", {"refund_id": "rfd_1"})
    assert client.get(path).json() == {"items": [refund]}
    assert balance(client) == 6000

    # The payer's bank sends it back; then all of it may be refunded again.
    client.turn("POST", f"refunds/{refund_id}", to="failed")
    assert refund_of(client, payment_id, refund_id)["failure_reason"] == "returned"
    assert balance(client) == 10000
    assert client.post(path, {"amount_in_minor": 10000}).status_code == 202


def test_refunds_go_on_by_themselves_or_fail(client: Client) -> None:
    client.turn("PUT", "moments", refund_s=0)
    client.turn("PUT", "outcomes", refunds="failed", failure_reason="invalid_iban")
    payment_id = client.settled()
    made = client.post(f"/v3/payments/{payment_id}/refunds", {"amount_in_minor": 1}).json()["id"]
    wait_until(lambda: refund_of(client, payment_id, made)["status"] == "failed")
    assert refund_of(client, payment_id, made)["failure_reason"] == "invalid_iban"
    assert balance(client) == 10150


def test_transactions_are_listed_in_pages_and_add_up(client: Client) -> None:
    payment_id = client.settled(amount=500)
    client.turn("POST", "noise", account="main", count=60, seed=3)
    refund = client.post(f"/v3/payments/{payment_id}/refunds", {"amount_in_minor": 200}).json()
    client.turn("POST", f"refunds/{refund['id']}", to="executed")
    path = f"/v3/merchant-accounts/{MAIN}/transactions"
    today = client.payment(payment_id)["settled_at"][:10]
    query = {"from": f"{today}T00:00:00Z", "to": f"{today}T23:59:59.999Z"}
    items, cursor = [], ""
    while True:
        answer = client.get(path, **query, cursor=cursor).json()
        items += answer["items"]
        cursor = answer["pagination"].get("next_cursor", "")
        if not cursor:
            break
    assert len({item["id"] for item in items}) == len(items) == 62
    assert (items[0]["type"], items[0]["payment_id"]) == ("merchant_account_payment", payment_id)
    assert (items[-1]["type"], items[-1]["refund_id"]) == ("refund", refund["id"])
    came_in = ("merchant_account_payment", "external_payment")
    signed = [item["amount_in_minor"] * (1 if item["type"] in came_in else -1) for item in items]
    assert sum(signed) == balance(client)
    too_long = client.get(path, **{"from": "2026-01-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"})
    assert too_long.status_code == 400


def test_lost_answers_are_after_the_effect(client: Client) -> None:
    rule = {"fault": "close", "when": "after", "path": "/v3/payments", "times": 1}
    client.turn("PUT", "faults", rules=[rule])
    with pytest.raises(requests.ConnectionError):
        client.post("/v3/payments", new_payment(), key="k1")
    again = client.post("/v3/payments", new_payment(), key="k1")
    assert again.status_code == 201
    client.turn("PUT", "faults", rules=[{"fault": "answer", "status": 503, "method": "GET"}])
    failed = client.get("/v3/merchant-accounts")
    assert (failed.status_code, failed.json()["title"]) == (503, "Temporarily Unavailable")
    struck = client.turn("GET", "faults")["rules"][0]["struck"]
    assert struck == 1


def test_a_restart_forgets_nothing(account: Account, signing_key: str, tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    with SimulatedBank(account, data=file) as bank:
        payment_id = Client(bank, signing_key).settled()
    with SimulatedBank(account, data=file) as again:
        client = Client(again, signing_key)
        assert client.payment(payment_id)["status"] == "settled"
        assert balance(client) == 10150
