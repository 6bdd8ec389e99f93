"""kill -9 at every named point of escrows, releases, freezes and watching: all happens once.

The whole system runs: web, workers, relay, signer, and the local chain as a process of its own.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from sandbox.escrow_calls import pay_in
from sandbox.way_in import loopback_session
from tests.faults.harness.escrows import USDC, Body, Escrows
from tests.faults.harness.system import System

LARGE = "1250000"  # dollars and cents for which two people are needed

Proof = Callable[[], bool]
Asked = tuple[requests.Session, str, Body]
Story = Callable[[System, Escrows], tuple[Asked, Proof]]


@pytest.fixture
def escrows(system: System) -> Iterator[Escrows]:
    """Escrows whose contracts have what the ledger says, and paid nothing twice."""
    escrows = Escrows(system)
    escrows.quicken()
    yield escrows
    system.settle()
    escrows.slow_down()
    assert escrows.differences() == []
    assert escrows.paid_more_than_once() == []


_kept: dict[str, Body] = {}


def shared(escrows: Escrows) -> Body:
    """Return one funded escrow, of which many tests release or refund a little."""
    if "escrow" not in _kept:
        _kept["escrow"] = escrows.funded()
    if _kept["escrow"] not in escrows.opened:
        escrows.opened.append(_kept["escrow"])
    return _kept["escrow"]


def key_of(system: System, name: str) -> requests.Session:
    return loopback_session(system.way_in.api_keys[name])


def paid_by_card(system: System, unit_amount: str = "12500") -> Body:
    """Return a payment that has succeeded."""
    order = system.new_order()
    order["lines"][0]["unit_amount"] = unit_amount
    made = system.insist(system.cast.backend, "/api/orders", order).json()
    body = {"reference": f"pay-{made['id']}", "order_id": made["id"]}
    payment: Body = system.insist(system.cast.backend, "/api/payments/intents", body).json()
    system.confirm(payment)
    system.wait_for_status(payment, "succeeded")
    return payment


def release_card(system: System, _escrows: Escrows) -> tuple[Asked, Proof]:
    """All of it, which our own books release and Stripe transfers."""
    order_id = paid_by_card(system)["order_id"]
    body = {"reference": f"release-{order_id}", "order_id": order_id}
    return (
        (system.cast.backend, "/api/escrow/release", body),
        lambda: (
            releases_of(system, order_id) == ["posted"]
            and system.count("seller_payouts", order_id=order_id, status="paid") == 1
        ),
    )


def release_chain(system: System, escrows: Escrows) -> tuple[Asked, Proof]:
    """A dollar of the shared escrow, which its contract pays."""
    escrow = shared(escrows)
    before = escrows.paid_to_seller(escrow)
    order_id = escrow["order_id"]
    so_far = releases_of(system, order_id)
    body = {
        "reference": f"release-{order_id}-{len(so_far)}",
        "escrow_id": escrow["id"],
        "amount": str(USDC),
    }
    return (
        (system.cast.backend, "/api/escrow/release", body),
        lambda: (
            releases_of(system, order_id) == ["posted"] * (len(so_far) + 1)
            and escrows.paid_to_seller(escrow) == before + USDC
        ),
    )


def refund_chain(system: System, escrows: Escrows) -> tuple[Asked, Proof]:
    """A dollar of the shared escrow goes back to its buyer."""
    escrow = shared(escrows)
    refunded = int(escrows.now(escrow)["amount_refunded"])
    body = {"reference": f"refund-{escrow['id']}", "amount": str(USDC)}
    return (
        (system.cast.backend, f"/api/escrow/{escrow['id']}/refund", body),
        lambda: (
            int(escrows.now(escrow)["amount_refunded"]) == refunded + USDC
            and system.count("refunds", payment_id=escrow["payment_id"]) == 1
        ),
    )


def deploy(system: System, escrows: Escrows) -> tuple[Asked, Proof]:
    path, body = escrows.to_open()

    def is_there() -> bool:
        if system.count("escrows", order_id=body["order_id"]) != 1:
            return False
        return bool(escrows.ask(path, body)["status"] == "awaiting_deposit")

    return (system.cast.backend, path, body), is_there


def dispute(system: System, escrows: Escrows) -> tuple[Asked, Proof]:
    escrow = escrows.funded()
    body = {"reference": f"dispute-{escrow['id']}", "reason": "It never came."}
    return (
        (system.cast.backend, f"/api/escrow/{escrow['id']}/dispute", body),
        lambda: (
            escrows.now(escrow)["status"] == "disputed"
            and system.count("chain_intents", kind="dispute", subject_id=escrow["id"]) == 1
        ),
    )


def requested(system: System) -> Body:
    """Return a release that waits for a second person."""
    order_id = paid_by_card(system, LARGE)["order_id"]
    body = {"reference": f"release-{order_id}", "order_id": order_id}
    answer = system.insist(system.cast.backend, "/api/escrow/release", body)
    release: Body = answer.json()
    assert release["status"] == "requested", release
    return release


def approve(system: System, _escrows: Escrows) -> tuple[Asked, Proof]:
    release = requested(system)
    order_id = release["order_id"]
    path, body = f"/api/releases/{release['id']}/approve", {"reference": release["id"]}
    return (
        (key_of(system, "finance"), path, body),
        lambda: (
            releases_of(system, order_id) == ["posted"]
            and system.count("seller_payouts", order_id=order_id, status="paid") == 1
        ),
    )


def cancel(system: System, _escrows: Escrows) -> tuple[Asked, Proof]:
    release = requested(system)
    body = {"reference": release["id"], "reason": "asked for by mistake"}
    asked = key_of(system, "finance"), f"/api/releases/{release['id']}/cancel", body
    return asked, lambda: releases_of(system, release["order_id"]) == ["canceled"]


def freeze(system: System, _escrows: Escrows) -> tuple[Asked, Proof]:
    """One order is frozen: from the answer on, nothing of it is released."""
    order_id = paid_by_card(system)["order_id"]
    body = {"reference": f"freeze-{order_id}", "reason": "a test", "order_id": order_id}

    def holds() -> bool:
        release = {"reference": f"release-{order_id}", "order_id": order_id}
        answer = system.insist(system.cast.backend, "/api/escrow/release", release)
        assert answer.json()["code"] == "releases_frozen", answer.text
        return system.count("freezes", order_id=order_id) == 1

    return (key_of(system, "admin"), "/api/ops/freeze", body), holds


def releases_of(system: System, order_id: str) -> list[str]:
    """Return how the releases of an order stand, whichever their order."""
    stands: list[Any] = []
    for status in ("requested", "approved", "signed", "broadcast", "mined", "posted", "canceled"):
        stands += [status] * system.count("releases", order_id=order_id, status=status)
    return stands


ASKED_FOR: list[tuple[str, Story]] = [
    ("release.held", release_card),
    ("release.carried_out", release_card),
    ("release.carried_out", release_chain),
    ("release.committed", release_card),
    ("release.committed", release_chain),
    ("release.approved", approve),
    ("release.approval_committed", approve),
    ("release.cancel_committed", cancel),
    ("freeze.committed", freeze),
    ("refund.queued", refund_chain),
    ("deploy_escrow.committed", deploy),
    ("dispute_escrow.committed", dispute),
]
WATCHED = ("watch.read", "watch.followed", "watch.all_followed", "watch.done")
SENT = ("sending.kept", "sending.handed_in")
"""Two of test_chain_crash_matrix.py, once more where everything runs."""


@pytest.mark.parametrize(
    ("point", "story"), ASKED_FOR, ids=[f"{point}-{story.__name__}" for point, story in ASKED_FOR]
)
def test_who_asks_again_gets_one_effect(
    system: System, escrows: Escrows, point: str, story: Story
) -> None:
    (who, path, body), proof = story(system, escrows)
    system.crash_at(point)
    assert system.ask(who, path, body) is None
    assert system.crashed()
    system.eventually(system.web_answers)
    system.time_passes()
    escrows.ask(path, body, who=who)
    system.let_time_pass_until(proof)


@pytest.mark.parametrize("point", [*WATCHED, *SENT])
def test_a_release_that_a_crash_breaks_off_is_made_once(
    system: System, escrows: Escrows, point: str
) -> None:
    (who, path, body), proof = release_chain(system, escrows)
    system.crash_at(point)
    escrows.ask(path, body, who=who)
    system.let_time_pass_until(system.crashed)
    system.let_time_pass_until(proof)


def test_a_deposit_counts_once_when_watching_breaks_off(system: System, escrows: Escrows) -> None:
    escrow = escrows.open()
    system.crash_at("watch.followed")
    pay_in(system.way_in, escrow)
    system.let_time_pass_until(system.crashed)
    assert escrows.becomes(escrow, "funded")["amount_held"] == escrow["amount"]
