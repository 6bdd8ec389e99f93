"""Releases on chain: held, sent once, and booked when they are final."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import Engine, text

import ledger
from payments.access.caller import Caller, Role
from payments.database import in_transaction, transaction
from payments.errors import ConflictError
from payments.escrow.view import EscrowView
from payments.freezes.freeze_releases import freeze_releases
from payments.freezes.lift_freeze import lift_freeze
from payments.refunds.create_refund import create_refund
from payments.releases.decide_release import approve_release, cancel_release
from payments.releases.read_releases import read_release
from payments.releases.request_release import NewRelease, request_release
from payments.releases.view import ReleaseView
from tests.chain import CHAIN_NAME, TestChain, running_chain
from tests.payments.escrow.desk import FINANCE, Desk, open_desk
from tests.payments.shop import SERVICE, new_reference

AMOUNT, FEE, TAX = 11_900, 500, 1_900
OPERATORS = [Caller(principal=f"key:operator-{n}", role=Role.OPERATOR) for n in range(2)]


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as chain:
        yield chain


@pytest.fixture(scope="module")
def desk(engine: Engine, chain: TestChain) -> Desk:
    return open_desk(engine, chain)


@pytest.fixture(autouse=True)
def _sound(desk: Desk) -> Iterator[None]:
    yield
    desk.assert_sound()


def release(
    desk: Desk,
    escrow: EscrowView,
    amount: int | None = None,
    *,
    reference: str | None = None,
    approval_above: Mapping[str, int] | None = None,
    now: dt.datetime | None = None,
) -> ReleaseView:
    return request_release(
        desk.engine,
        caller=SERVICE,
        reference=reference or new_reference(),
        asked=NewRelease(escrow_id=escrow.id, amount=amount),
        approval_above=approval_above or {},
        chains=desk.chains,
        ports=desk.ports,
        now=now or desk.now(),
    ).resource


def cancel(desk: Desk, release_id: str) -> ReleaseView:
    return cancel_release(
        desk.engine,
        caller=SERVICE,
        reference=new_reference(),
        release_id=release_id,
        reason="It came back.",
        chains=desk.chains,
        now=desk.now(),
    ).resource


def read(desk: Desk, release_id: str) -> dict[str, Any]:
    return in_transaction(
        desk.engine,
        lambda session: read_release(
            session, caller=SERVICE, release_id=release_id, chains=desk.chains
        ),
    ).as_json()


def lines(desk: Desk, effect_key: str) -> dict[str, int]:
    with desk.engine.connect() as connection:
        found = ledger.entries_of_effects(connection, [effect_key])
    return {line.path: line.amount for entry in found for line in entry.lines}


def look_again(desk: Desk, release_id: str) -> None:
    """Have the sender look again now, as it does every few seconds."""
    with transaction(desk.engine) as session:
        session.execute(
            text("UPDATE strongroom.chain_intents SET due_at = created_at WHERE subject_id = :id"),
            {"id": release_id},
        )


def test_the_contract_pays_the_seller_all_and_fee_and_tax_become_their_debt(desk: Desk) -> None:
    escrow, reference = desk.funded(), new_reference()
    before = desk.chain.tokens_of(desk.chain.seller.address)
    asked = release(desk, escrow, reference=reference)
    again = release(desk, escrow, reference=reference)
    assert (asked.id, asked.status) == (again.id, "approved")
    assert (asked.transaction, asked.as_json()["seller_amount"]) == (None, str(AMOUNT))
    assert desk.intent(asked.id, "release").amount == AMOUNT
    assert lines(desk, f"{asked.id}:posted") == {}
    desk.go_on()
    posted = read(desk, asked.id)
    assert (posted["status"], posted["payout"]) == ("posted", None)
    assert posted["transaction"]["required_confirmations"] == 3
    assert posted["transaction"]["confirmations"] >= 3
    assert desk.chain.tokens_of(desk.chain.seller.address) - before == AMOUNT
    row = escrow.row
    assert lines(desk, f"{asked.id}:posted") == {
        f"liabilities:escrow:{row.order_id}": AMOUNT,
        f"assets:debts:{row.seller_id}": FEE + TAX,
        f"assets:chain:{CHAIN_NAME}:escrow:{row.contract_address}": -AMOUNT,
        "income:platform-fees": -FEE,
        "liabilities:tax": -TAX,
    }
    told = [one["status"] for one in desk.told("release.updated", asked.id)]
    assert (told[0], told[-1]) == ("approved", "posted")
    assert desk.escrow(escrow.id).row.status == "closed"
    with pytest.raises(ConflictError) as caught:
        release(desk, escrow)
    assert caught.value.code == "escrow_not_funded"


def test_what_is_on_its_way_is_neither_released_nor_refunded_again(desk: Desk) -> None:
    escrow = desk.funded()
    first = release(desk, escrow, 8_000)
    with pytest.raises(ConflictError) as caught:
        release(desk, escrow, 3_901)
    assert caught.value.code == "release_exceeds_held"
    with pytest.raises(ConflictError) as caught:
        create_refund(
            desk.engine,
            caller=SERVICE,
            reference=new_reference(),
            payment_id=escrow.row.payment_id,
            amount=3_901,
            reason=None,
            now=desk.now(),
            providers=desk.providers,
        )
    assert caught.value.code == "funds_released"
    second = release(desk, escrow)
    assert second.row.amount == 3_900
    desk.go_on()
    parts = [read(desk, one.id) for one in (first, second)]
    assert [part["status"] for part in parts] == ["posted", "posted"]
    assert sum(int(part["platform_fee"]) for part in parts) == FEE
    assert sum(int(part["tax"]) for part in parts) == TAX


def test_much_is_not_sent_before_a_second_person_agrees(desk: Desk) -> None:
    escrow = desk.funded()
    waiting = release(desk, escrow, approval_above={"USDC": AMOUNT - 1})
    assert waiting.status == "requested"
    desk.go_on()
    assert read(desk, waiting.id)["status"] == "requested"
    approved = approve_release(
        desk.engine,
        caller=FINANCE,
        reference=new_reference(),
        release_id=waiting.id,
        chains=desk.chains,
        ports=desk.ports,
        now=desk.now(),
    ).resource
    assert approved.status == "approved"
    desk.go_on()
    assert read(desk, waiting.id)["status"] == "posted"


def test_what_was_not_signed_is_taken_back_and_what_was_is_not(desk: Desk) -> None:
    escrow = desk.funded()
    canceled = cancel(desk, release(desk, escrow).id)
    assert canceled.status == "canceled"
    assert desk.intent(canceled.id, "release").state == "canceled"
    sent = release(desk, escrow)
    desk.send()
    with pytest.raises(ConflictError) as caught:
        cancel(desk, sent.id)
    assert caught.value.code == "release_not_cancelable"
    desk.go_on()
    assert read(desk, sent.id)["status"] == "posted"
    assert read(desk, canceled.id)["status"] == "canceled"


def test_what_is_queued_waits_while_it_is_frozen(desk: Desk) -> None:
    escrow = desk.funded()
    asked = release(desk, escrow)
    freeze = freeze_releases(
        desk.engine,
        caller=FINANCE,
        reference=new_reference(),
        reason="A drill.",
        order_id=escrow.row.order_id,
        now=desk.now(),
    ).resource
    desk.go_on()
    assert read(desk, asked.id)["status"] == "approved"
    assert desk.intent(asked.id, "release").broadcast_at is None
    for operator in OPERATORS:
        with transaction(desk.engine) as session:
            lift_freeze(
                session,
                caller=operator,
                reference=new_reference(),
                freeze_id=freeze.id,
                reason="It is over.",
                now=desk.now(),
            )
    look_again(desk, asked.id)
    desk.go_on()
    assert read(desk, asked.id)["status"] == "posted"


def test_only_a_funded_escrow_is_released_in_its_time(desk: Desk) -> None:
    waiting = desk.deployed()
    funded = desk.funded()
    late = funded.row.release_by
    for escrow, now in ((waiting, None), (funded, late)):
        with pytest.raises(ConflictError) as caught:
            release(desk, escrow, now=now)
        assert caught.value.code == "escrow_not_funded"
