"""The adapter and a node with the real contracts, over HTTP."""

from typing import Any

import pytest

from payments.providers.chain_errors import (
    RefusedTransactionError,
    RevertedError,
    WrongContractError,
)
from payments.providers.chain_port import ChainLog, EscrowState
from payments.providers.evm.addresses import keccak_of
from sandbox.chain.wallet import calldata
from tests.chain import ETH, USDC, TestChain
from tests.payments.providers.evm.desk import Desk


def test_an_escrow_is_where_it_was_foretold(desk: Desk) -> None:
    terms = desk.terms()
    foretold = desk.port.predict_address(terms)
    assert desk.port.escrow_state(foretold) == EscrowState("none", 0, is_paused=False)

    desk.send(desk.chain.factory, desk.port.encode_create(terms))

    assert desk.port.escrow_state(foretold) == EscrowState("created", 0, is_paused=False)


def test_every_term_changes_where_it_is(desk: Desk) -> None:
    terms = desk.terms(token=desk.chain.token)
    changed: list[dict[str, Any]] = [
        {"reference": keccak_of("another")},
        *({role: desk.chain.stranger.address} for role in ("depositor", "beneficiary")),
        *({role: desk.chain.stranger.address} for role in ("operator", "arbiter", "guardian")),
        {"token": None},
        *({name: getattr(terms, name) + 1} for name in ("amount", "fund_by")),
        *({name: getattr(terms, name) + 1} for name in ("release_by", "arbiter_by")),
    ]
    others = [desk.terms(**{**vars(terms), **change}) for change in changed]
    assert len({desk.port.predict_address(one) for one in (terms, *others)}) == 12


def test_a_factory_that_is_not_ours_is_told_of(chain: TestChain) -> None:
    desk = Desk(chain, factory=chain.token)
    with pytest.raises(WrongContractError):
        desk.port.predict_address(desk.terms())


def test_what_happens_is_read_from_the_logs(desk: Desk) -> None:
    chain, port = desk.chain, desk.port
    start = chain.head.number + 1
    escrow = desk.funded()
    paid, given_back = keccak_of("rel_1"), keccak_of("rfd_1")
    desk.send(escrow, port.encode_release(paid, ETH))
    desk.send(escrow, calldata("pause()"), wallet=chain.guardian)
    desk.send(escrow, port.encode_refund(given_back, ETH // 2))
    assert port.escrow_state(escrow) == EscrowState("funded", ETH // 2, is_paused=True)
    desk.send(escrow, calldata("unpause()"), wallet=chain.guardian)
    disputed = desk.send(escrow, port.encode_dispute())
    chain.pass_time(10_000)
    desk.send(escrow, calldata("reclaim()"), wallet=chain.buyer)

    logs = port.logs(operators=(), from_block=start, to_block=chain.head.number)

    operator, buyer = chain.operator.address, chain.buyer.address
    assert [(log.kind, log.operation_id, log.amount, log.actor) for log in logs] == [
        ("created", None, 0, None),
        ("deposited", None, 2 * ETH, buyer),
        ("released", paid, ETH, operator),
        ("paused", None, 0, None),
        ("refunded", given_back, ETH // 2, operator),
        ("unpaused", None, 0, None),
        ("disputed", None, 0, operator),
        ("reclaimed", None, ETH // 2, None),
    ]
    assert {log.contract for log in logs} == {escrow}
    log = logs[6]
    block = port.block(log.block_number)
    assert (log.tx_hash, block and block.hash) == (disputed, log.block_hash)
    assert port.logs(operators=(), from_block=log.block_number, to_block=log.block_number) == [log]
    assert port.logs(operators=(), from_block=5, to_block=4) == []


def test_escrows_of_another_operator_are_not_told_of(desk: Desk) -> None:
    chain = desk.chain
    start = chain.head.number + 1
    terms = desk.terms(operator=chain.stranger.address)
    desk.send(chain.factory, desk.port.encode_create(terms), wallet=chain.stranger)
    assert desk.port.escrow_state(desk.port.predict_address(terms)).status == "created"
    assert desk.port.logs(operators=(), from_block=start, to_block=chain.head.number) == []


def test_tokens_that_are_sent_to_contracts_are_found(desk: Desk) -> None:
    chain, port = desk.chain, desk.port
    start = chain.head.number + 1
    escrow = desk.funded(token=chain.token, amount=50 * USDC)
    stray = chain.transfer_tokens(chain.stranger, escrow, 7 * USDC)
    chain.transfer_tokens(chain.stranger, chain.seller.address, USDC)
    chain.mine()
    many = [f"0x{number:040x}" for number in range(1, 1_001)]

    found = port.transfers([escrow, *many], from_block=start, to_block=chain.head.number)

    assert [(log.kind, log.contract, log.token, log.amount, log.actor) for log in found] == [
        ("transferred", escrow, chain.token, 50 * USDC, chain.buyer.address),
        ("transferred", escrow, chain.token, 7 * USDC, chain.stranger.address),
    ]
    assert found[1].tx_hash == stray
    assert port.transfers([], from_block=start, to_block=chain.head.number) == []
    no_tokens = Desk(chain, tokens={}).port
    assert no_tokens.transfers([escrow], from_block=start, to_block=chain.head.number) == []


def test_logs_are_asked_for_in_halves_where_a_node_wants_fewer(desk: Desk) -> None:
    start = desk.chain.head.number + 1
    escrows = [desk.make() for _ in range(3)]
    desk.chain.mine(40)
    with desk.chain.another_node() as node:
        node.node.log_range = 7
        port = Desk(desk.chain, rpc_urls=[node.url]).port
        logs: list[ChainLog] = list(
            port.logs(operators=(), from_block=0, to_block=desk.chain.head.number)
        )
    assert [log.contract for log in logs if log.block_number >= start] == escrows


def test_a_refused_call_tells_why_before_it_is_sent(desk: Desk) -> None:
    chain, port = desk.chain, desk.port
    escrow = desk.funded()
    call = port.encode_release(keccak_of("rel_2"), ETH)
    gas = port.estimate_gas(sender=chain.operator.address, to=escrow, calldata=call)
    tx_hash = desk.send(escrow, call)
    receipt = port.receipt(tx_hash)
    assert receipt
    assert receipt.succeeded
    used = int((chain.receipt(tx_hash) or {})["gasUsed"], 16)
    assert used < gas < 500_000

    with pytest.raises(RevertedError) as refused:
        port.estimate_gas(sender=chain.operator.address, to=escrow, calldata=call)
    assert refused.value.reason == "operation already done"
    with pytest.raises(RevertedError) as refused:
        port.estimate_gas(sender=chain.operator.address, to=chain.factory, calldata=b"\1\2\3\4")
    assert refused.value.reason is None


def test_a_receipt_tells_what_it_cost_and_why_it_failed(desk: Desk) -> None:
    chain, port = desk.chain, desk.port
    escrow = desk.funded()
    before = port.balance(chain.operator.address)
    nonce, call = (
        port.nonce(chain.operator.address),
        port.encode_release(keccak_of("rel_3"), 3 * ETH),
    )
    tx_hash = chain.broadcast(chain.sign(chain.operator, escrow, nonce=nonce, data=call))
    assert port.receipt(tx_hash) is None
    assert port.knows(tx_hash)

    block = chain.mine()[0]

    receipt = port.receipt(tx_hash)
    assert receipt
    assert not receipt.succeeded
    assert receipt.reason == "more than remains"
    assert (receipt.block_number, receipt.block_hash) == (block.number, f"0x{block.hash.hex()}")
    assert receipt.gas_cost == before - port.balance(chain.operator.address) > 0
    assert port.receipt(keccak_of("never sent")) is None
    assert not port.knows(keccak_of("never sent"))


def test_blocks_are_final_by_count_or_by_the_chains_own_word(desk: Desk) -> None:
    chain = desk.chain
    chain.mine(8)
    head = chain.head.number
    assert desk.port.head().number == head
    assert desk.port.head().timestamp == chain.head.timestamp
    assert desk.port.final_height() == head - 2
    assert Desk(chain, confirmations=1).port.final_height() == head
    assert Desk(chain, confirmations=head + 9).port.final_height() == -1
    assert Desk(chain, confirmations="finalized").port.final_height() == head - 6
    assert desk.port.block(head + 1) is None
    child, parent = desk.port.block(head), desk.port.block(head - 1)
    assert child
    assert parent
    assert child.parent_hash == parent.hash


def test_another_branch_changes_blocks_receipts_and_logs(desk: Desk) -> None:
    chain, port = desk.chain, desk.port
    start = chain.head.number + 1
    terms = desk.terms()
    tx_hash = desk.send(chain.factory, port.encode_create(terms))
    seen, old = port.receipt(tx_hash), port.block(start)

    chain.reorganise(1, at=1)

    assert port.block(start) != old
    moved = port.receipt(tx_hash)
    assert seen
    assert moved
    assert (seen.block_number, moved.block_number) == (start, start + 1)
    logs = port.logs(operators=(), from_block=start, to_block=chain.head.number)
    assert [(log.block_number, log.block_hash) for log in logs] == [
        (moved.block_number, moved.block_hash)
    ]
    chain.reorganise(2, drop=[tx_hash])
    assert port.receipt(tx_hash) is None
    assert not port.knows(tx_hash)
    assert port.logs(operators=(), from_block=start, to_block=chain.head.number) == []


def test_a_sender_without_money_for_gas_is_told_so(desk: Desk) -> None:
    chain, operator = desk.chain, desk.chain.operator.address
    wei = chain.wei_of(operator)
    raw = desk.signed()
    chain.set_wei(operator, 0)
    with pytest.raises(RefusedTransactionError) as refused:
        desk.port.broadcast(raw)
    assert refused.value.code == "insufficient_funds"
    chain.set_wei(operator, wei)
    desk.port.broadcast(raw)
    chain.mine()
