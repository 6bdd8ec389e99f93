"""What logs are taken for: ours alone, each under a key that a reorganisation does not change."""

from typing import Any

from payments.providers.chain_port import ChainLog
from payments.watching.effects import observe

OURS, THEIRS = "0xOurs", "0xTheirs"
IDS = {OURS: "esc_1"}


def log(kind: Any, index: int = 0, **changed: Any) -> ChainLog:
    told: dict[str, Any] = {
        "kind": kind,
        "contract": OURS,
        "operation_id": None,
        "amount": 5,
        "actor": "0xBuyer",
        "token": None,
        "tx_hash": "0x01",
        "log_index": index,
        "block_number": 7,
        "block_hash": "0xb7",
    }
    return ChainLog(**{**told, **changed})


def keys(logs: list[ChainLog], transfers: list[ChainLog] | None = None) -> list[str]:
    return [e.key for e in observe(logs, transfers or [], escrow_ids=IDS).get("esc_1", [])]


def test_contracts_that_are_not_ours_are_left_out() -> None:
    assert observe([log("deposited", contract=THEIRS)], [], escrow_ids=IDS) == {}


def test_what_happens_once_is_known_by_its_kind_and_operations_by_their_number() -> None:
    logs = [
        log("created"),
        log("deposited", 1),
        log("released", 2, operation_id="0xaa"),
        log("refunded", 3, operation_id="0xbb"),
        log("disputed", 4),
        log("paused", 5),
        log("reclaimed", 6),
    ]
    expected = ["created", "deposited", "released:0xaa", "refunded:0xbb", "disputed"]
    assert keys(logs) == [*expected, "paused:0x01:5", "reclaimed"]


def test_the_deposits_own_transfer_is_no_stray() -> None:
    deposit = log("deposited", 2)
    before = log("transferred", 1, token="0xT")
    assert keys([deposit], [before]) == ["deposited"]


def test_only_the_last_such_transfer_before_the_deposit_is_its_own() -> None:
    deposit = log("deposited", 5)
    transfers = [
        log("transferred", 1, token="0xT"),  # the same amount, earlier in the same transaction
        log("transferred", 4, token="0xT"),
        log("transferred", 6, token="0xT"),
        log("transferred", 3, token="0xT", amount=9),
        log("transferred", 0, token="0xT", tx_hash="0x02"),
    ]
    strays = {f"stray:0x01:{index}" for index in (1, 3, 6)} | {"stray:0x02:0"}
    assert set(keys([deposit], transfers)) == {"deposited", *strays}
