"""A bank provider is slow: everybody is told, nothing expires, the month is right, it passes."""

import datetime as dt

from sqlalchemy import Engine, text

from sandbox.calls import created
from tests.conditions import wait_until
from tests.incidents.conftest import Body, OnCall
from tests.journeys.bank import AMOUNT, BankRail

NOW = dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real
DAY = dt.timedelta(days=1)


def test_a_provider_is_late_and_nobody_loses_anything(
    rail: BankRail, on_call: OnCall, books: Engine
) -> None:
    # Sign: the payer approved, and nothing comes.
    payment, other = rail.link(), rail.link("EUR")
    with rail.silent():
        rail.answer(payment, "authorise")

        incident = tell_everybody(on_call)
        wait_longer(on_call)

        # Past its first deadline, the other payment is open all the same.
        rail.let_deadline_pass(other)

        # The month: what is on its way is accrued by an entry that undoes itself.
        accrued = accrue(on_call)
        assert (accrued["status"], accrued["reversed_by_entry_id"]) == ("posted", None)

    # The provider comes back.
    rail.push(payment, "settled")
    rail.wait_for(payment, "succeeded")
    assert rail.now(other)["status"] not in ("expired", "canceled", "failed")
    rail.answer(other, "authorise")
    rail.push(other, "settled")
    rail.wait_for(other, "succeeded")
    assert [rail.system.held_for(one) for one in (payment, other)] == [AMOUNT, AMOUNT]

    wait_for_reversal(on_call, books, accrued)

    # Over: the banner goes, and both orders' balances agree with the bank's.
    closed = {"status": "resolved", "note": "All settled.", "reference": f"over-{incident['id']}"}
    url = f"{on_call.system.way_in.base_url}/api/ops/incidents/{incident['id']}"
    assert on_call.operator.patch(url, json=closed, timeout=30).status_code == 200
    assert incident["id"] not in str(on_call.get(on_call.system.cast.buyer, "status").json())
    for one in (payment, other):
        path = f"ops/orders/{one['order_id']}/balances"
        assert on_call.get(on_call.support, path).json()["agrees"] is True


def tell_everybody(on_call: OnCall) -> Body:
    """Open the incident, with the time by which it should be over, and see the banner."""
    incident = created(
        on_call.post(
            on_call.operator,
            "ops/incidents",
            {
                "title": "TrueLayer settles hours late",
                "severity": "P2",
                "components": ["bank"],
                "banner": "Payments by bank take some hours longer today.",
                "expected_at": (NOW + DAY).isoformat(),
            },
        )
    )
    told = on_call.get(on_call.system.cast.buyer, "status").json()
    assert "some hours longer" in str(told["incidents"])
    assert told["components"]["bank"] != "operational"
    return incident


def wait_longer(on_call: OnCall) -> None:
    """Let webhooks come a week late, and put deadlines off: tried first, then done."""
    window = {"provider": "truelayer", "hours": 168}
    url = f"{on_call.system.way_in.base_url}/api/ops/webhooks/retry-window"
    assert on_call.operator.put(url, json=window, timeout=30).json()["hours"] == 168
    asked = (
        *("deadlines", "extend", "--provider", "truelayer"),
        *("--until", (NOW + 3 * DAY).isoformat(), "--reason", "INC-7"),
    )
    on_call.command(*asked, "--dry-run")
    assert "INC-7" not in on_call.command("deadlines", "list")
    on_call.command(*asked)
    assert "INC-7" in on_call.command("deadlines", "list")


def wait_for_reversal(on_call: OnCall, books: Engine, accrued: Body) -> None:
    """Have entries that are due undone now, and wait until this one is."""
    with books.begin() as connection:
        connection.execute(
            text("UPDATE strongroom.periodic_jobs SET next_at = now() WHERE job ~ '^reverse'")
        )

    def is_undone() -> bool:
        found = on_call.get(on_call.finance, f"ledger/entries/{accrued['id']}").json()
        return found["reversed_by_entry_id"] is not None

    wait_until(is_undone, timeout_s=40)


def accrue(on_call: OnCall) -> Body:
    """Post an entry of two days ago that is to be undone as of yesterday."""
    asked = {
        "reason": "On its way through TrueLayer, INC-7",
        "effective_on": (NOW - 2 * DAY).date().isoformat(),
        "auto_reverse_on": (NOW - DAY).date().isoformat(),
        "lines": [
            {"account": "assets:accrued:bank", "asset": "USD", "debit": "13500"},
            {"account": "liabilities:accrued:bank", "asset": "USD", "credit": "13500"},
        ],
    }
    made = created(on_call.post(on_call.finance, "ledger/entries", asked))
    return created(on_call.post(on_call.admin, f"ledger/entries/{made['id']}/approve"))
