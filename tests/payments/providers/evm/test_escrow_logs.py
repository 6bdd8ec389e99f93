"""Logs that are not ours, or not of the documented form, tell nothing: anybody may write one."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from payments.providers.evm.addresses import checksum
from payments.providers.evm.escrow_logs import TRANSFER, read_logs, read_transfers, topics_of

OPERATOR = checksum("0x" + "a1" * 20)
FACTORY = checksum("0x" + "fa" * 20)
ESCROW = checksum("0x" + "e5" * 20)
TOKEN = checksum("0x" + "70" * 20)
STRANGER = checksum("0x" + "57" * 20)
OPERATION = "0x" + "0b" * 32


def topic(signature: str) -> str:
    return f"0x{keccak(text=signature).hex()}"


def word(kind: str, value: Any) -> str:
    return f"0x{encode([kind], [value]).hex()}"


RELEASED = topic("Released(address,bytes32,address,uint256,uint256)")
CREATED = topic("Created(address,address,bytes32)")


def log(**changed: Any) -> dict[str, Any]:
    """Return a release, as a node tells it."""
    told: dict[str, Any] = {
        "address": ESCROW.lower(),
        "topics": [RELEASED, word("address", OPERATOR), OPERATION],
        "data": f"0x{encode(['address', 'uint256', 'uint256'], [STRANGER, 70, 30]).hex()}",
        "transactionHash": "0x" + "cc" * 32,
        "logIndex": "0x2",
        "blockNumber": "0x10",
        "blockHash": "0x" + "bb" * 32,
        "removed": False,
    }
    return {**told, **changed}


def created(**changed: Any) -> dict[str, Any]:
    parties = [word("address", OPERATOR), word("address", ESCROW), OPERATION]
    return log(**{"address": FACTORY, "topics": [CREATED, *parties], "data": "0x", **changed})


def transfer(**changed: Any) -> dict[str, Any]:
    parties = [word("address", STRANGER), word("address", ESCROW)]
    told = {"address": TOKEN, "topics": [TRANSFER, *parties], "data": word("uint256", 5)}
    return log(**{**told, **changed})


def read(*told: Any) -> list[Any]:
    return list(read_logs(list(told), operators=[OPERATOR], factory=FACTORY))


def test_a_log_of_the_documented_form_is_read() -> None:
    (released,) = read(log())
    assert (released.kind, released.contract, released.amount) == ("released", ESCROW, 70)
    assert (released.operation_id, released.actor) == (OPERATION, STRANGER)
    assert (released.block_number, released.log_index) == (16, 2)
    (made,) = read(created())
    assert (made.kind, made.contract, made.operation_id) == ("created", ESCROW, None)


@pytest.mark.parametrize(
    "changed",
    [
        {"topics": []},
        {"topics": [RELEASED]},
        {"topics": [RELEASED, word("address", STRANGER), OPERATION]},
        {"topics": [RELEASED, word("address", OPERATOR)]},
        {"topics": [RELEASED, word("address", OPERATOR), OPERATION, OPERATION]},
        {"topics": [topic("Released(address)"), word("address", OPERATOR), OPERATION]},
        {"topics": [RELEASED, "0x" + "ff" * 12 + OPERATOR[2:].lower(), OPERATION]},
        {"topics": [RELEASED, word("address", OPERATOR), "0x0b"]},
        {"topics": [RELEASED, word("address", OPERATOR), None]},
        {"topics": None},
        {"data": "0x"},
        {"data": "0x12"},
        {"data": f"0x{encode(['address', 'uint256'], [STRANGER, 70]).hex()}"},
        {"data": log()["data"] + "00" * 32},
        {"data": "0x" + "ff" * 96},
        {"data": None},
        {"address": "0x12"},
        {"address": None},
        {"removed": True},
        {"blockHash": None},
        {"blockNumber": None},
        {"blockNumber": "16"},
        {"logIndex": "-0x1"},
        {"transactionHash": "0x"},
    ],
    ids=str,
)
def test_what_has_another_form_is_left_out_and_the_rest_is_read(changed: dict[str, Any]) -> None:
    assert [one.log_index for one in read(log(**changed), log(logIndex="0x7"))] == [7]


def test_a_node_that_tells_no_logs_but_something_else_tells_nothing() -> None:
    assert read("", 5, None, [], {}, {"topics": {}}) == []


def test_only_our_factory_can_make_our_escrows() -> None:
    assert read(created(address=STRANGER)) == []


def test_logs_are_put_in_order() -> None:
    told = [log(blockNumber=number, logIndex=index) for number, index in
            [("0x11", "0x0"), ("0x10", "0xa"), ("0x10", "0x9")]]  # fmt: skip
    assert [(one.block_number, one.log_index) for one in read(*told)] == [
        (16, 9),
        (16, 10),
        (17, 0),
    ]


def test_the_filter_names_every_event_and_our_operators() -> None:
    topics, operators = topics_of([OPERATOR, STRANGER])
    assert len(topics) == 11
    assert {RELEASED, CREATED} < set(topics)
    assert set(operators) == {word("address", OPERATOR), word("address", STRANGER)}


@pytest.mark.parametrize(
    "changed",
    [
        {"address": STRANGER},
        {"topics": [*transfer()["topics"], word("uint256", 5)], "data": "0x"},  # one of a kind
        {"topics": [TRANSFER], "data": "0x" + "00" * 96},
        {"topics": [RELEASED, *transfer()["topics"][1:]]},
        {"data": "0x"},
        {"data": word("uint256", 5) + "00"},
        {"removed": True},
    ],
    ids=str,
)  # fmt: skip
def test_transfers_that_are_none_are_left_out(changed: dict[str, Any]) -> None:
    told = [transfer(**changed), transfer(logIndex="0x3")]
    (found,) = read_transfers(told, tokens=[TOKEN])
    assert (found.kind, found.contract, found.amount, found.log_index) == (
        "transferred",
        ESCROW,
        5,
        3,
    )
    assert (found.token, found.actor) == (TOKEN, STRANGER)
