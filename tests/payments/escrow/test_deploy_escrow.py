"""An order's payment on chain: one escrow for it, whose contract is where we said, and is paid."""

import dataclasses
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    ReferenceReusedError,
    StrongroomError,
    UnavailableError,
)
from payments.escrow.tables import Escrow
from payments.lifecycle.tables import Payment
from payments.providers.evm.adapter import EvmChain
from tests.chain import CHAIN_NAME, TestChain
from tests.payments.escrow.desk import NOBODY, Desk
from tests.payments.shop import new_reference, person


def refused(desk: Desk, **asked: object) -> StrongroomError:
    with pytest.raises(StrongroomError) as caught:
        desk.deploy(**asked)  # type: ignore[arg-type] # whatever it takes
    return caught.value


def test_payment_escrow_and_intent_are_written_once(desk: Desk) -> None:
    order, reference = desk.order(), new_reference()
    first = desk.deploy(order, reference=reference)
    again = desk.deploy(order, reference=reference)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.resource.as_json() == again.resource.as_json()
    row = first.resource.row
    assert (row.status, row.amount, row.asset) == ("deploying", order.amount, "USDC")
    assert (row.depositor, row.beneficiary) == (
        desk.chain.buyer.address,
        desk.chain.seller.address,
    )
    payment = desk.payment(first.resource)
    assert (payment.rail, payment.status, payment.escrow_id) == ("crypto", "created", row.id)
    assert payment.as_event()["escrow_id"] == row.id
    with transaction(desk.engine) as session:
        stored = session.get_one(Payment, payment.id)
        assert (stored.provider, stored.poll_at) == ("evm", None)
        assert stored.provider_ref == f"{CHAIN_NAME}:{row.contract_address}"
        count = select(func.count()).select_from(Escrow).filter_by(order_id=order.id)
        assert session.scalar(count) == 1
    intent = desk.intent(row.id, "deploy")
    assert (intent.state, intent.signer) == ("queued", row.operator)
    [told] = desk.told("escrow.updated", row.id)
    assert told == first.resource.as_json()
    assert [one["status"] for one in desk.told("payment.updated", payment.id)] == ["created"]


@pytest.mark.parametrize("currency", ["ETH", "USDC"])
def test_the_contract_is_where_we_said_and_takes_what_the_escrow_says(
    desk: Desk, currency: str
) -> None:
    escrow = desk.deploy(desk.order(currency)).resource
    assert escrow.deposit is None
    assert (escrow.tx_hash, escrow.confirmations) == (None, 0)
    desk.send()
    assert desk.escrow(escrow.id).tx_hash is not None
    desk.chain.mine(2)
    desk.watch()
    seen = desk.escrow(escrow.id)
    assert (seen.row.status, seen.confirmations) == ("awaiting_deposit", 2)
    assert seen.required_confirmations == 3
    assert desk.payment(seen).status == "requires_action"
    assert desk.payment(seen).next_action is None

    desk.pay(seen)
    desk.watch()
    paying = desk.escrow(escrow.id)
    assert (paying.row.status, paying.confirmations) == ("deposit_seen", 1)
    assert paying.deposit is None
    desk.chain.mine(3)
    desk.watch()
    paid = desk.escrow(escrow.id).as_json()
    assert (paid["status"], paid["amount_held"]) == ("funded", paid["amount"])
    kinds = [(effect["kind"], effect["state"]) for effect in paid["timeline"]]
    assert kinds == [("created", "final"), ("deposited", "final")]
    assert desk.payment(seen).status == "succeeded"
    assert desk.told("escrow.updated", escrow.id)[-1]["status"] == "funded"
    desk.assert_sound()


def test_terms_are_those_of_the_order_and_the_rules(desk: Desk) -> None:
    now = desk.now()
    escrow = desk.deploy(now=now).resource.row
    at = now.replace(microsecond=0)
    assert escrow.fund_by == at + dt.timedelta(hours=72)
    assert escrow.release_by == escrow.fund_by + dt.timedelta(days=30)
    assert escrow.arbiter_by == escrow.release_by + dt.timedelta(days=60)
    soon, later = now + dt.timedelta(hours=1), now + dt.timedelta(days=2)
    chosen = desk.deploy(fund_by=soon, release_by=later).resource.row
    assert chosen.fund_by == soon.replace(microsecond=0)
    assert chosen.release_by == later.replace(microsecond=0)


@pytest.mark.parametrize(
    ("fund_h", "release_h", "fields"),
    [
        (-1, 5, {"fund_by"}),
        (5, 5, {"release_by"}),
        (5, 4, {"release_by"}),
        (24 * 731, None, {"fund_by"}),
        (5, 24 * 731, {"release_by"}),
    ],
)
def test_deadlines_that_cannot_be_are_named(
    desk: Desk, fund_h: int, release_h: int | None, fields: set[str]
) -> None:
    now = desk.now()
    error = refused(
        desk,
        fund_by=now + dt.timedelta(hours=fund_h),
        release_by=None if release_h is None else now + dt.timedelta(hours=release_h),
        now=now,
    )
    assert isinstance(error, InvalidRequestError)
    assert error.errors.keys() == fields


def test_only_the_orders_own_asset_that_a_chain_holds(desk: Desk) -> None:
    error = refused(desk, asset="ETH")
    assert (error.code, set(error.errors)) == ("asset_not_order_currency", {"asset"})
    error = refused(desk, order=desk.order("EUR"))
    assert error.code == "asset_not_supported"
    assert "EUR" in error.detail
    error = refused(desk, chain="nowhere")
    assert isinstance(error, InvalidRequestError)
    assert CHAIN_NAME in error.errors["chain"][0]


def test_of_several_chains_one_must_be_named(desk: Desk) -> None:
    other = dataclasses.replace(desk.settings, name="other")
    several = {
        "chains": {CHAIN_NAME: desk.settings, "other": other},
        "ports": {CHAIN_NAME: desk.port, "other": desk.port},
    }
    error = refused(desk, **several)
    assert isinstance(error, InvalidRequestError)
    assert error.errors.keys() == {"chain"}
    assert desk.deploy(chain=CHAIN_NAME, **several).resource.row.chain == CHAIN_NAME  # type: ignore[arg-type] # as above


def test_one_open_escrow_an_order(desk: Desk) -> None:
    order = desk.order()
    first = desk.deploy(order).resource
    error = refused(desk, order=order)
    assert (error.code, first.id in error.detail) == ("payment_in_progress", True)


def test_of_many_at_once_one_is_made(desk: Desk) -> None:
    order = desk.order()

    def try_it(_number: int) -> str:
        try:
            return desk.deploy(order).resource.id
        except ConflictError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(try_it, range(8)))
    made = [code for code in ended if code.startswith("esc_")]
    assert len(made) == 1
    assert set(ended) - set(made) == {"payment_in_progress"}


def test_a_paid_order_takes_no_escrow(desk: Desk) -> None:
    funded = desk.funded()
    error = refused(desk, order_id=funded.row.order_id)
    assert error.code == "order_not_open"


def test_a_reference_is_for_one_escrow(desk: Desk) -> None:
    reference = new_reference()
    desk.deploy(reference=reference)
    with pytest.raises(ReferenceReusedError):
        desk.deploy(reference=reference)


def test_who_may(desk: Desk) -> None:
    order = desk.order()
    with pytest.raises(NotFoundError):
        desk.deploy(order, caller=person(desk.new_party("Eve")))
    with pytest.raises(ForbiddenError) as caught:
        desk.deploy(order, caller=desk.shop.seller)
    assert caught.value.code == "role_forbidden"
    escrow = desk.deploy(order, caller=desk.shop.buyer).resource
    for caller in (desk.shop.buyer, desk.shop.seller, Caller("key:s", Role.SUPPORT)):
        assert desk.escrow(escrow.id, caller=caller).id == escrow.id
    with pytest.raises(NotFoundError):
        desk.escrow(escrow.id, caller=person(desk.new_party("Eve")))


def test_parties_must_be_known_and_have_addresses(desk: Desk, chain: TestChain) -> None:
    buyer_id = desk.new_party("Bo")
    shop = dataclasses.replace(desk.shop, buyer_id=buyer_id)
    other = Desk(shop, chain, desk.settings)
    order = other.order()
    error = refused(other, order=order)
    assert (error.code, buyer_id in error.detail) == ("kyc_required", True)
    assert desk.shop.seller_id not in error.detail
    other.know(buyer_id)
    error = refused(other, order=order)
    assert (error.code, buyer_id in error.detail) == ("payout_address_missing", True)
    other.give_address(buyer_id, chain.seller)
    assert refused(other, order=order).code == "payout_address_shared"
    other.give_address(buyer_id, chain.other_buyer)
    assert other.deploy(order).resource.row.depositor == chain.other_buyer.address


def test_nothing_is_promised_while_the_factory_cannot_be_checked(desk: Desk) -> None:
    nowhere = EvmChain(desk.chain.settings(rpc_urls=[NOBODY]))
    order, reference = desk.order(), new_reference()
    with pytest.raises(UnavailableError):
        desk.deploy(order, reference=reference, ports={CHAIN_NAME: nowhere})
    assert desk.deploy(order, reference=reference).replayed is False
    # What was made is told without asking anybody.
    assert desk.deploy(order, reference=reference, ports={CHAIN_NAME: nowhere}).replayed


def test_another_contracts_factory_is_not_trusted(desk: Desk, chain: TestChain) -> None:
    wrong = EvmChain(chain.settings(factory=chain.token))
    with pytest.raises(UnavailableError):
        desk.deploy(ports={CHAIN_NAME: wrong})
