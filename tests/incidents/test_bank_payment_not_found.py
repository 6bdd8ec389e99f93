"""The payer has paid by bank, the payment is open: found by what they know, and matched."""

import datetime as dt

from sandbox.calls import created
from tests.incidents.conftest import OnCall
from tests.journeys.bank import AMOUNT, BankRail
from tests.journeys.bank_desk import Desk


def test_a_transfer_with_a_mistaken_reference_is_found_and_matched_by_hand(
    rail: BankRail, desk: Desk, on_call: OnCall
) -> None:
    desk.reconcile("main")  # what other tests have left
    payment = rail.link("EUR")
    reference: str = payment["bank_reference"]
    mistaken = mistake(reference)
    payer = {"name": "Zora Quennell", "account": "main"}
    rail.knob("transfers", {**payer, "amount": AMOUNT, "text": f"Order {mistaken}"})
    desk.reconcile("main")
    assert rail.now(payment)["status"] != "succeeded"

    # Support has the reference as the payer wrote it: both sides of it are found.
    found = on_call.get(on_call.support, "ops/bank-search", reference=mistaken).json()["data"]
    kinds = {one["kind"]: one for one in found if one["likeness"] >= 75}
    assert kinds["payment"]["payment_id"] == payment["id"]
    assert kinds["payment"]["state"] == payment["status"]
    line = kinds["line"]
    assert (line["state"], line["amount"], line["details"]) == ("unmatched", str(AMOUNT), None)

    # Not in the days that were asked for; widened, it is.
    past = {"from": "2020-01-01", "to": "2020-01-31"}
    assert (
        on_call.get(on_call.support, "ops/bank-search", reference=mistaken, **past).json()["data"]
        == []
    )

    # Names are finance's to read, and a look is written down.
    refused = on_call.get(on_call.support, "ops/bank-search", name="quennell")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["name"])
    [named] = on_call.get(on_call.finance, "ops/bank-search", name="quennell").json()["data"]
    assert (named["id"], named["details"]["name"]) == (line["id"], "Zora Quennell")
    kept = on_call.get(on_call.admin, "audit", subject=line["id"]).json()["data"]
    assert any((one["action"], one["outcome"]) == ("things.search", "seen") for one in kept)
    printed = on_call.command("bank", "find", "--amount", str(AMOUNT), "--currency", "EUR")
    assert line["id"] in printed

    # Matched by hand: tried first, then done.
    parts = {"parts": [{"payment_id": payment["id"]}], "reason": "Two letters swapped, INC-9"}
    path = f"reconciliation/unmatched/{line['id']}/match"
    tried = on_call.post(on_call.finance, f"{path}?dry_run=true", parts)
    assert (tried.status_code, tried.headers["Dry-Run"]) == (201, "true"), tried.text
    assert rail.now(payment)["status"] != "succeeded"
    created(on_call.post(on_call.finance, path, parts))

    # Proof: paid, held, and nothing left in the queue.
    rail.wait_for(payment, "succeeded")
    assert rail.system.held_for(payment) == AMOUNT
    again = on_call.get(on_call.support, "ops/bank-search", reference=mistaken).json()["data"]
    assert {one["state"] for one in again if one["id"] == line["id"]} == {"matched"}
    balances = on_call.get(on_call.support, f"ops/orders/{payment['order_id']}/balances").json()
    assert balances["agrees"] is True, balances


def mistake(reference: str) -> str:
    """Return a reference with one wrong character, as somebody would copy it."""
    other = "7" if reference[5] != "7" else "4"
    return reference[:5] + other + reference[6:]


def test_what_is_asked_for_must_make_sense(on_call: OnCall) -> None:
    for query in ({}, {"amount": "1", "from": "2020-01-01"}):
        answer = on_call.get(on_call.finance, "ops/bank-search", **query)
        assert answer.status_code == 400, answer.text
    today = dt.datetime.now(dt.UTC).date().isoformat()  # noqa: TID251 - the application's clock
    nothing = on_call.command("bank", "find", "--name", "nobody at all", "--from", today)
    assert "widen the days" in nothing
