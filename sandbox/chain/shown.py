"""Blocks, transactions, receipts and logs as a node shows them over JSON-RPC."""

from collections.abc import Iterator
from typing import Any

import rlp
from eth.abc import LogAPI

from sandbox.chain.evm import MinedBlock
from sandbox.chain.local_chain import Place
from sandbox.chain.places import CHAIN_ID, contract_address

Shown = dict[str, Any]
_DYNAMIC_FEE = 2


def data(value: bytes) -> str:
    """Return bytes as nodes write them."""
    return "0x" + bytes(value).hex()


def show_block(block: MinedBlock, *, whole: bool) -> Shown:
    """Return a block, with its transactions or with their hashes."""
    header: Any = block.header
    transactions: list[Shown | str] = [
        show_transaction(one, Place(block, index)) if whole else data(one.hash)
        for index, one in enumerate(block.transactions)
    ]
    return {
        "number": hex(block.number),
        "hash": data(block.hash),
        "parentHash": data(header.parent_hash),
        "timestamp": hex(block.timestamp),
        "nonce": data(header.nonce),
        "mixHash": data(header.mix_hash),
        "sha3Uncles": data(header.uncles_hash),
        "logsBloom": data(int(header.bloom).to_bytes(256)),
        "transactionsRoot": data(header.transaction_root),
        "stateRoot": data(header.state_root),
        "receiptsRoot": data(header.receipt_root),
        "miner": data(header.coinbase),
        "difficulty": hex(header.difficulty),
        "extraData": data(header.extra_data),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "baseFeePerGas": hex(header.base_fee_per_gas),
        "size": hex(len(rlp.encode(header)) + sum(len(t.encode()) for t in block.transactions)),
        "transactions": transactions,
        "uncles": [],
        "withdrawals": [],
    }


def show_transaction(transaction: Any, place: Place | None) -> Shown:
    """Return a transaction; without a place it waits."""
    kind = _kind(transaction)
    shown: Shown = {
        "type": hex(kind),
        "chainId": hex(CHAIN_ID),
        "hash": data(transaction.hash),
        "nonce": hex(transaction.nonce),
        "from": data(transaction.sender),
        "to": data(transaction.to) if transaction.to else None,
        "value": hex(transaction.value),
        "gas": hex(transaction.gas),
        "input": data(transaction.data),
        "v": hex(transaction.y_parity if kind else transaction.v),
        "r": hex(transaction.r),
        "s": hex(transaction.s),
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
        "gasPrice": hex(transaction.max_fee_per_gas),
    }
    if kind >= _DYNAMIC_FEE:
        shown["maxFeePerGas"] = hex(transaction.max_fee_per_gas)
        shown["maxPriorityFeePerGas"] = hex(transaction.max_priority_fee_per_gas)
        shown["accessList"] = []
    if place is not None:
        shown |= _where(place)
        shown["gasPrice"] = hex(_price(transaction, place.block))
    return shown


def show_receipt(place: Place) -> Shown:
    """Return what a mined transaction did."""
    block, index = place.block, place.index
    transaction, receipt = block.transactions[index], block.receipts[index]
    before = block.receipts[index - 1].gas_used if index else 0
    created = None if transaction.to else contract_address(transaction.sender, transaction.nonce)
    return {
        **_where(place),
        "transactionHash": data(transaction.hash),
        "type": hex(_kind(transaction)),
        "from": data(transaction.sender),
        "to": data(transaction.to) if transaction.to else None,
        "status": hex(int.from_bytes(receipt.state_root)),
        "cumulativeGasUsed": hex(receipt.gas_used),
        "gasUsed": hex(receipt.gas_used - before),
        "effectiveGasPrice": hex(_price(transaction, block)),
        "contractAddress": None if created is None else data(created),
        "logsBloom": data(int(receipt.bloom).to_bytes(256)),
        "logs": [_show_log(log, number, place) for number, log in numbered_logs(block, index)],
    }


def show_logs(block: MinedBlock) -> Iterator[Shown]:
    """Yield everything that a block's transactions logged, in order."""
    for index in range(len(block.transactions)):
        for number, log in numbered_logs(block, index):
            yield _show_log(log, number, Place(block, index))


def numbered_logs(block: MinedBlock, index: int) -> Iterator[tuple[int, LogAPI]]:
    """Yield the logs of one of a block's transactions, counted through the whole block."""
    first = sum(len(receipt.logs) for receipt in block.receipts[:index])
    yield from enumerate(block.receipts[index].logs, first)


def _show_log(log: LogAPI, number: int, place: Place) -> Shown:
    return {
        **_where(place),
        "transactionHash": data(place.block.transactions[place.index].hash),
        "logIndex": hex(number),
        "address": data(log.address),
        "topics": [data(int(topic).to_bytes(32)) for topic in log.topics],
        "data": data(log.data),
        "removed": False,
    }


def _where(place: Place) -> Shown:
    return {
        "blockHash": data(place.block.hash),
        "blockNumber": hex(place.block.number),
        "transactionIndex": hex(place.index),
    }


def _kind(transaction: Any) -> int:
    return int(getattr(transaction, "type_id", None) or 0)


def _price(transaction: Any, block: MinedBlock) -> int:
    """Return what each unit of gas cost the sender, in wei."""
    tipped = transaction.max_priority_fee_per_gas + block.base_fee
    return int(min(transaction.max_fee_per_gas, tipped))
