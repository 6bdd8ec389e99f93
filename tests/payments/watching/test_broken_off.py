"""Watching that is broken off, done twice at once, lied to or cut off: the books stay right."""

import threading
from dataclasses import replace

import pytest
from eth_account import Account
from sqlalchemy import Engine, text

from payments.database import in_transaction, transaction
from payments.lifecycle.write_changes import REFUND_DUPLICATE
from payments.providers.chain_errors import WrongChainError
from payments.providers.evm.adapter import EvmChain
from payments.providers.outcome import OutcomeUnknownError
from payments.watching.errors import ChainIdChangedError, TurnLostError
from payments.watching.turn import begin_turn, check_turn, holding_turn
from payments.watching.watch_chain import Watch, watch_chain
from sandbox.chain.places import CHAIN_ID
from tests.chain import USDC, TestChain
from tests.payments.watching.stage import Stage, open_stage


class StoppedError(Exception):
    """The process ends here."""


def stopped_after(stage: Stage, steps: int) -> bool:
    """Watch until the clock was looked at so often, once for each transaction; False: it ended."""
    left = steps

    def clock() -> object:
        nonlocal left
        left -= 1
        if left < 0:
            raise StoppedError
        return stage.now()

    watch = Watch(
        engine=stage.engine,
        settings=stage.settings,
        port=stage.port,
        chains={stage.settings.name: stage.settings},
        clock=clock,  # type: ignore[arg-type] # a moment, or the end
    )
    try:
        watch_chain(watch)
    except StoppedError:
        return True
    return False


def test_it_may_be_broken_off_between_any_two_steps(stage: Stage) -> None:
    escrows = [stage.deployed() for _ in range(2)]
    for escrow in escrows:
        stage.deposit(escrow)
    stage.chain.mine(3)
    for steps in range(12):
        if not stopped_after(stage, steps):
            break
        assert stage.broken() == []
    assert steps > 2
    stage.chain.reorganise(4, at=4)
    for steps in range(12):
        if not stopped_after(stage, steps):
            break
        assert stage.broken() == []
    stage.mine_and_watch(3)
    for escrow in escrows:
        assert stage.escrow(escrow).status == "funded"
        keys = stage.entries(f"{escrow.payment_id}:charged")
        assert keys == [f"{escrow.payment_id}:charged{end}" for end in ("", ":reversed", ":2")]
    assert stage.broken() == []


def test_two_watchers_at_once_book_once(stage: Stage) -> None:
    escrow = stage.deployed()
    stage.deposit(escrow)
    stage.chain.mine(3)
    figures: list[dict[str, int]] = []
    start = threading.Barrier(4)

    def watch() -> None:
        start.wait()
        figures.append(dict(stage.watch()))

    threads = [threading.Thread(target=watch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.get("booked", 0) for one in figures) == 2
    assert stage.escrow(escrow).status == "funded"
    assert len(stage.entries(f"{escrow.payment_id}:charged")) == 1
    assert stage.broken() == []


def test_only_one_has_the_turn_and_who_lost_it_writes_nothing(stage: Stage) -> None:
    with holding_turn(stage.engine, "other") as ours, holding_turn(stage.engine, "other") as theirs:
        assert (ours, theirs) == (True, False)
    settings = replace(stage.settings, name="other")
    turns = [
        in_transaction(stage.engine, lambda s: begin_turn(s, settings, now=stage.now()).turn)
        for _ in range(2)
    ]
    with transaction(stage.engine) as session:
        check_turn(session, chain="other", turn=turns[1])
        with pytest.raises(TurnLostError):
            check_turn(session, chain="other", turn=turns[0])


def cursor_error(stage: Stage) -> str | None:
    with transaction(stage.engine) as session:
        query = "SELECT error FROM strongroom.chain_cursors WHERE chain = :chain"
        found: str | None = session.scalar(text(query), {"chain": stage.settings.name})
        return found


def test_another_node_takes_over_and_one_that_lags_undoes_nothing(stage: Stage) -> None:
    escrow = stage.funded()
    with stage.chain.another_node() as lagging:
        lagging.node.behind = 2
        urls = ["http://127.0.0.1:9", lagging.url]
        port = EvmChain(stage.chain.settings(rpc_urls=urls))
        stage.chain.mine()
        assert stage.watch_with(port)["undone"] == 0
        assert stage.escrow(escrow).status == "funded"
        stage.chain.mine(2)
        release = stage.ask_release(escrow, 10 * USDC)
        stage.carry_out(release)
        stage.chain.mine(5)
        stage.watch_with(port)
        assert stage.in_contract(escrow) == 90 * USDC
    stage.watch()
    assert stage.broken() == []


def test_no_node_and_another_chain_change_nothing_and_are_noted(stage: Stage) -> None:
    escrow = stage.deployed()
    stage.deposit(escrow)
    stage.chain.mine(3)
    dead = EvmChain(stage.chain.settings(rpc_urls=["http://127.0.0.1:9"]))
    with pytest.raises(OutcomeUnknownError):
        stage.watch_with(dead)
    assert cursor_error(stage) == "unavailable"
    other = EvmChain(stage.chain.settings(chain_id=1))
    with pytest.raises(WrongChainError):
        stage.watch_with(other)
    assert cursor_error(stage) == "wrong_chain"
    with pytest.raises(ChainIdChangedError):
        stage.watch_with(stage.port, chain_id=CHAIN_ID + 1)
    assert cursor_error(stage) == "chain_id_changed"
    assert stage.effects(escrow) == {}
    stage.watch()
    assert cursor_error(stage) is None
    assert stage.escrow(escrow).status == "funded"


def test_a_foreign_contract_that_tells_our_events_moves_nothing(stage: Stage) -> None:
    """The init code of a contract logs what an escrow of ours would: then from its own address."""
    escrow = stage.deployed()
    stage.watch()
    real = stage.deployed()
    stage.deposit(real)
    [block] = stage.chain.mine()
    topics = block.receipts[-1].logs[-1].topics  # Deposited, of our operator
    words = [int(topic).to_bytes(32) for topic in reversed(topics)]
    data = int(escrow.depositor, 16).to_bytes(32) + escrow.amount.to_bytes(32)
    store = b"".join(
        b"\x7f" + data[at : at + 32] + b"\x60" + bytes([at]) + b"\x52" for at in (0, 32)
    )
    pushes = b"".join(b"\x7f" + word for word in words)
    log = bytes([0x60, 64, 0x60, 0, 0xA0 + len(words)])
    stranger = stage.chain.stranger
    signed = Account.sign_transaction(
        {
            "type": 2,
            "chainId": CHAIN_ID,
            "nonce": stage.port.nonce(stranger.address),
            "gas": 500_000,
            "maxFeePerGas": 20 * 10**9,
            "maxPriorityFeePerGas": 2 * 10**9,
            "data": store + pushes + log + b"\x00",
            "value": 0,
        },
        stranger.key,
    )
    told = stage.chain.broadcast(bytes(signed.raw_transaction))
    stage.mine_and_watch(3)
    receipt = stage.chain.receipt(told)
    assert receipt is not None
    assert receipt["logs"][0]["topics"][0] == f"0x{words[-1].hex()}"
    assert set(stage.effects(escrow)) == {"created"}
    assert stage.escrow(escrow).status == "awaiting_deposit"
    assert stage.escrow(real).status == "funded"
    assert stage.broken() == []


def test_tokens_sent_past_the_deposit_are_shown_and_are_nobodys_money_here(stage: Stage) -> None:
    escrow = stage.deployed()
    stage.chain.transfer_tokens(stage.chain.stranger, escrow.contract_address, 7 * USDC)
    stage.mine_and_watch(3)
    assert stage.escrow(escrow).status == "awaiting_deposit"
    assert stage.escrow(escrow).amount_stray == 7 * USDC
    stage.deposit(escrow)
    stage.mine_and_watch(3)
    assert stage.escrow(escrow).amount_deposited == escrow.amount
    assert stage.in_contract(escrow) == escrow.amount
    assert sum(key.startswith("stray:") for key in stage.effects(escrow)) == 1
    assert stage.broken() == []


def test_a_second_payment_of_an_order_goes_back_and_keeps_it_paid(
    fresh_engine: Engine, chain: TestChain
) -> None:
    stage = open_stage(fresh_engine, chain)
    escrow = stage.deployed()
    stage.deposit(escrow)
    with transaction(stage.engine) as session:
        session.execute(
            text("UPDATE strongroom.orders SET status = 'paid' WHERE id = :id"),
            {"id": escrow.order_id},
        )
    stage.mine_and_watch(3)
    with transaction(stage.engine) as session:
        query = "SELECT args ->> 'payment_id' FROM strongroom.outbox WHERE job = :job"
        staged = session.scalars(text(query), {"job": REFUND_DUPLICATE}).all()
    assert staged == [escrow.payment_id]


def test_an_order_is_open_again_when_its_deposit_is_in_no_block_any_more(stage: Stage) -> None:
    escrow = stage.deployed()
    deposit = stage.deposit(escrow)
    stage.mine_and_watch(3)
    release = stage.ask_release(escrow, 60 * USDC)
    stage.chain.reorganise(3, drop=[deposit])
    stage.watch()
    assert stage.order_status(escrow) == "open"
    assert stage.held(escrow) == (0, 0)
    assert stage.history(escrow)[-2:] == ["succeeded", "requires_action"]
    assert stage.read(type(release), release.id).hold_id is None
    assert stage.broken() == []
    stage.send_call(stage.chain.buyer, escrow, "deposit()")
    stage.mine_and_watch(3)
    assert stage.order_status(escrow) == "paid"
    assert stage.held(escrow) == (100 * USDC, 40 * USDC)
    assert stage.broken() == []
