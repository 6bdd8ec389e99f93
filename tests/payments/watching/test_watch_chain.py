"""An escrow's whole life on a real chain: seen, booked when final, and shown at each step."""

from tests.chain import USDC
from tests.payments.watching.stage import Stage


def test_an_order_is_paid_once_its_deposit_is_final(stage: Stage) -> None:
    escrow = stage.new_escrow()
    assert stage.mine_and_watch()["escrows"] == 0
    stage.create(escrow)
    stage.mine_and_watch()
    assert stage.escrow(escrow).status == "awaiting_deposit"
    stage.deposit(escrow)
    stage.mine_and_watch()
    assert stage.escrow(escrow).status == "deposit_seen"
    assert stage.order_status(escrow) == "open"
    assert stage.held(escrow) == (0, 0)
    stage.mine_and_watch()
    assert stage.escrow(escrow).status == "deposit_seen"
    stage.mine_and_watch()
    assert stage.escrow(escrow).status == "funded"
    assert stage.escrow(escrow).amount_deposited == 100 * USDC
    assert stage.order_status(escrow) == "paid"
    assert stage.history(escrow) == ["created", "requires_action", "processing", "succeeded"]
    assert stage.held(escrow) == (100 * USDC, 100 * USDC)
    assert stage.in_contract(escrow) == 100 * USDC
    assert stage.payment(escrow).poll_at is None
    assert stage.broken() == []
