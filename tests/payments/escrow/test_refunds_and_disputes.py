"""Money of an escrow goes back once, held from the moment it is asked for; disputes stop us."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

import ledger
from payments.access.caller import Caller
from payments.database import transaction
from payments.errors import ConflictError, NotFoundError, StrongroomError
from payments.escrow.dispute_escrow import dispute_escrow
from payments.escrow.view import EscrowView
from payments.idempotency import Answered
from payments.lifecycle.tables import Refund
from payments.lifecycle.view import RefundView
from payments.providers.evm.addresses import keccak_of
from payments.refunds.create_refund import create_refund
from payments.refunds.refund_duplicate import refund_duplicate
from payments.refunds.refund_escrow import refund_escrow
from payments.timeline import Timeline, read_timeline
from sandbox.chain.wallet import calldata
from tests.payments.escrow.desk import Desk
from tests.payments.shop import SERVICE, new_reference, person


def refund(
    desk: Desk,
    escrow: EscrowView,
    amount: int | None = None,
    *,
    reference: str | None = None,
    caller: Caller = SERVICE,
) -> Answered[RefundView]:
    return refund_escrow(
        desk.engine,
        caller=caller,
        reference=reference or new_reference(),
        escrow_id=escrow.id,
        amount=amount,
        reason=None,
        now=desk.now(),
        providers=desk.providers,
    )


def dispute(
    desk: Desk,
    escrow: EscrowView,
    *,
    reference: str | None = None,
    caller: Caller = SERVICE,
    reason: str = "It has three legs.",
) -> Answered[EscrowView]:
    return dispute_escrow(
        desk.engine,
        caller=caller,
        reference=reference or new_reference(),
        escrow_id=escrow.id,
        reason=reason,
        chains=desk.chains,
        ports=desk.ports,
        now=desk.now(),
    )


def code_of(error: type[StrongroomError], action: object) -> str:
    assert callable(action)
    with pytest.raises(error) as caught:
        action()
    return caught.value.code


def timeline(desk: Desk, escrow: EscrowView, caller: Caller = SERVICE) -> Timeline:
    with transaction(desk.engine) as session:
        return read_timeline(session, caller=caller, payment_id=escrow.row.payment_id)


def free(desk: Desk, escrow: EscrowView) -> int:
    """What of the order's money is neither held for something nor gone."""
    path = (f"liabilities:escrow:{escrow.row.order_id}", escrow.row.asset)
    with desk.engine.connect() as connection:
        account_id = ledger.find_account_ids(connection, [path])[path]
        return ledger.available(connection, account_id) or 0


# ---- refunds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("currency", ["USDC", "ETH"])
def test_a_part_goes_back_and_then_the_rest(desk: Desk, currency: str) -> None:
    escrow, reference = desk.funded(currency), new_reference()
    before = desk.chain.tokens_of(escrow.row.depositor)
    wei_before = desk.chain.wei_of(escrow.row.depositor)
    first = refund(desk, escrow, 4_000, reference=reference)
    again = refund(desk, escrow, 4_000, reference=reference)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.resource == again.resource
    assert first.resource.status == "pending"
    with transaction(desk.engine) as session:
        row = session.get_one(Refund, first.resource.id)
        assert (row.provider, row.provider_ref) == ("evm", keccak_of(row.id))
        assert (row.booked, row.poll_at) == ("held", None)
    assert free(desk, escrow) == escrow.row.amount - 4_000
    intent = desk.intent(first.resource.id, "refund")
    assert (intent.state, intent.asset, intent.amount) == ("queued", currency, 4_000)
    assert intent.to_address == escrow.row.contract_address

    desk.go_on()
    [done] = desk.refunds(escrow)
    assert done.status == "succeeded"
    payment = desk.payment(escrow)
    assert (payment.status, payment.amount_refunded) == ("partially_refunded", 4_000)
    rest = refund(desk, escrow).resource
    assert rest.amount == escrow.row.amount - 4_000
    desk.go_on()
    assert desk.payment(escrow).status == "refunded"
    shown = desk.escrow(escrow.id).as_json()
    assert (shown["status"], shown["amount_held"]) == ("closed", "0")
    assert shown["amount_refunded"] == str(escrow.row.amount)
    tokens = desk.chain.tokens_of(escrow.row.depositor) - before
    wei = desk.chain.wei_of(escrow.row.depositor) - wei_before
    assert (tokens if currency == "USDC" else wei) == escrow.row.amount
    desk.assert_sound()


def test_no_more_goes_back_than_there_is(desk: Desk) -> None:
    waiting = desk.deployed()
    assert code_of(ConflictError, lambda: refund(desk, waiting)) == "payment_not_refundable"
    escrow = desk.funded()
    too_much = escrow.row.amount + 1
    assert code_of(ConflictError, lambda: refund(desk, escrow, too_much)) == (
        "refund_exceeds_payment"
    )
    refund(desk, escrow, 1)
    assert code_of(ConflictError, lambda: refund(desk, escrow, escrow.row.amount)) == (
        "refund_exceeds_payment"
    )


def test_what_something_else_holds_does_not_go_back(desk: Desk) -> None:
    escrow = desk.funded()
    path = (f"liabilities:escrow:{escrow.row.order_id}", escrow.row.asset)
    with desk.engine.begin() as connection:
        account_id = ledger.find_account_ids(connection, [path])[path]
        ledger.place_hold(
            connection,
            effect_key=f"rel_{new_reference()}:held",
            account_id=account_id,
            amount=escrow.row.amount,
            now=desk.now(),
        )
    assert code_of(ConflictError, lambda: refund(desk, escrow, 1)) == "funds_released"
    with transaction(desk.engine) as session:
        assert (
            session.scalars(select(Refund).filter_by(payment_id=escrow.row.payment_id)).all() == []
        )


def test_of_many_at_once_no_more_than_all_goes_back(desk: Desk) -> None:
    escrow = desk.funded()
    third = escrow.row.amount // 3

    def try_it(_number: int) -> str:
        try:
            return refund(desk, escrow, third).resource.status
        except ConflictError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        ended = sorted(pool.map(try_it, range(8)))
    assert ended == ["pending"] * 3 + ["refund_exceeds_payment"] * 5
    desk.go_on()
    assert desk.escrow(escrow.id).row.amount_refunded == 3 * third


def test_a_refund_of_the_payment_is_the_same(desk: Desk) -> None:
    escrow, reference = desk.funded(), new_reference()
    made = refund(desk, escrow, 700, reference=reference).resource
    again = create_refund(
        desk.engine,
        caller=SERVICE,
        reference=reference,
        payment_id=escrow.row.payment_id,
        amount=700,
        reason=None,
        now=desk.now(),
        providers=desk.providers,
    )
    assert (again.replayed, again.resource.id) == (True, made.id)


def test_the_second_payment_of_an_order_goes_back_by_itself(desk: Desk) -> None:
    escrow = desk.funded()
    payment_id = escrow.row.payment_id
    for _ in range(2):
        assert refund_duplicate(
            desk.engine, payment_id=payment_id, now=desk.now(), providers=desk.providers
        )
    desk.go_on()
    [gone] = desk.refunds(escrow)
    assert (gone.status, gone.reason, gone.amount) == ("succeeded", "duplicate", escrow.row.amount)


# ---- disputes ----------------------------------------------------------------------------------


def test_a_dispute_is_the_arbiters_to_end(desk: Desk) -> None:
    escrow, reference = desk.funded(), new_reference()
    first = dispute(desk, escrow, reference=reference, caller=desk.shop.buyer)
    again = dispute(desk, escrow, reference=reference, caller=desk.shop.buyer)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.resource.as_json()["dispute_reason"] == "It has three legs."
    assert desk.intent(escrow.id, "dispute").state == "queued"
    assert code_of(ConflictError, lambda: dispute(desk, escrow)) == "escrow_not_disputable"
    desk.go_on()
    assert desk.escrow(escrow.id).row.status == "disputed"
    assert desk.payment(escrow).status == "disputed"
    assert code_of(ConflictError, lambda: refund(desk, escrow)) == "payment_disputed"
    assert code_of(ConflictError, lambda: dispute(desk, escrow)) == "escrow_not_disputable"

    refund_all = calldata("refund(bytes32,uint256)", bytes(32), escrow.row.amount)
    desk.chain.send(desk.chain.arbiter, escrow.row.contract_address, refund_all)
    desk.chain.mine(4)
    desk.watch()
    assert desk.escrow(escrow.id).row.status == "closed"
    assert desk.payment(escrow).status == "refunded"
    desk.assert_sound()


def test_who_may_dispute(desk: Desk) -> None:
    escrow = desk.funded()
    stranger = person(desk.new_party("Eve"))
    assert code_of(NotFoundError, lambda: dispute(desk, escrow, caller=stranger)) == "not_found"
    assert dispute(desk, escrow, caller=desk.shop.seller).resource.id == escrow.id


def test_only_what_is_funded_is_disputed(desk: Desk) -> None:
    escrow = desk.deployed()
    assert code_of(ConflictError, lambda: dispute(desk, escrow)) == "escrow_not_disputable"


# ---- what is told of it ------------------------------------------------------------------------


def test_the_timeline_tells_of_the_chain(desk: Desk) -> None:
    escrow = desk.funded()
    made = refund(desk, escrow, 500).resource
    desk.go_on()
    seen = timeline(desk, escrow)
    assert [effect["kind"] for effect in seen.effects_shown] == ["created", "deposited", "refunded"]
    sent = [(one.kind, one.subject_id, one.state) for one in seen.transactions or ()]
    assert sent == [("deploy", escrow.id, "final"), ("refund", made.id, "final")]
    kinds = [entry.kind for entry in seen.entries or ()]
    assert kinds.count("charge") == kinds.count("refund") == 1
    outside = timeline(desk, escrow, desk.shop.buyer)
    assert (outside.transactions, outside.entries) == (None, None)
    assert outside.effects_shown == seen.effects_shown
