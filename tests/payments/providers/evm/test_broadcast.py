"""A signed transaction is handed in: what each answer means, also the one that was lost."""

from collections.abc import Iterator

import pytest
from eth_utils.crypto import keccak

from payments.providers.chain_errors import (
    NonceTooLowError,
    RefusedTransactionError,
    UnderpricedError,
)
from payments.providers.outcome import OutcomeUnknownError
from tests.payments.providers.evm.desk import DEAD_URL, Desk

GWEI = 10**9
SENDING = "eth_sendRawTransaction"


@pytest.fixture(autouse=True)
def _nothing_waits(desk: Desk) -> Iterator[None]:
    yield
    desk.chain.faults()
    desk.chain.mine()


def hash_of(raw: bytes) -> str:
    return f"0x{keccak(raw).hex()}"


def test_what_is_known_already_is_a_success(desk: Desk) -> None:
    raw = desk.signed()
    desk.port.broadcast(raw)
    desk.port.broadcast(raw)
    assert desk.port.knows(hash_of(raw))


def test_an_answer_that_is_lost_leaves_it_unknown_and_asking_again_clears_it(desk: Desk) -> None:
    raw = desk.signed()
    desk.chain.faults({"fault": "close", "when": "after", "path": SENDING, "times": 1})
    with pytest.raises(OutcomeUnknownError):
        desk.port.broadcast(raw)
    assert desk.port.knows(hash_of(raw))
    desk.port.broadcast(raw)


def test_it_is_handed_in_once_to_each_url(desk: Desk) -> None:
    raw = desk.signed()
    with desk.chain.another_node() as second:
        for faults in (desk.chain.server.faults, second.faults):
            rule = {"fault": "answer", "path": SENDING, "status": 503, "times": 1}
            faults.replace([rule], seed=0)  # once: asked again, it would take it
        port = Desk(desk.chain, rpc_urls=[desk.chain.url, second.url]).port
        with pytest.raises(OutcomeUnknownError):
            port.broadcast(raw)
        assert not port.knows(hash_of(raw))
        desk.chain.faults({"fault": "close", "when": "after", "path": SENDING})
        second.faults.replace([], seed=0)
        port.broadcast(raw)  # the second says that it is known, for the first had taken it
        assert port.knows(hash_of(raw))


def test_a_dead_url_before_does_not_matter(desk: Desk) -> None:
    raw = desk.signed()
    Desk(desk.chain, rpc_urls=[DEAD_URL, desk.chain.url]).port.broadcast(raw)
    assert desk.port.knows(hash_of(raw))


def test_a_nonce_that_is_used_is_too_low_even_for_what_used_it(desk: Desk) -> None:
    raw, other = desk.signed(), desk.signed(max_fee=30 * GWEI)
    desk.port.broadcast(raw)
    desk.chain.mine()
    for form in (raw, other):
        with pytest.raises(NonceTooLowError):
            desk.port.broadcast(form)
    assert desk.port.receipt(hash_of(raw))
    assert desk.port.receipt(hash_of(other)) is None


def test_another_form_must_offer_clearly_more(desk: Desk) -> None:
    address = desk.chain.operator.address
    nonce = desk.port.nonce(address)
    desk.port.broadcast(desk.signed(max_fee=40 * GWEI, priority_fee=2 * GWEI))
    with pytest.raises(UnderpricedError):
        desk.port.broadcast(desk.signed(max_fee=41 * GWEI, priority_fee=2 * GWEI))
    raw = desk.signed(max_fee=45 * GWEI, priority_fee=9 * GWEI // 4)
    desk.port.broadcast(raw)
    desk.chain.mine()
    assert desk.port.receipt(hash_of(raw))
    assert desk.port.nonce(address) == nonce + 1


def test_too_little_gas_or_another_chains_signature_is_refused(desk: Desk) -> None:
    with pytest.raises(RefusedTransactionError) as refused:
        desk.port.broadcast(desk.signed(gas=20_000))
    assert refused.value.code == "gas_limit"
    operator = desk.chain.operator
    elsewhere = operator.sign(
        chain_id=1, nonce=desk.port.nonce(operator.address), to=operator.address,
        gas=30_000, max_fee=20 * GWEI, priority_fee=GWEI,
    )  # fmt: skip
    with pytest.raises(RefusedTransactionError) as refused:
        desk.port.broadcast(elsewhere)
    assert refused.value.code == "wrong_chain"


def test_bytes_that_are_no_transaction_are_refused(desk: Desk) -> None:
    with pytest.raises((RefusedTransactionError, OutcomeUnknownError)):
        desk.port.broadcast(b"\x02nonsense")


def test_after_a_reorganisation_the_same_bytes_are_handed_in_again(desk: Desk) -> None:
    raw = desk.signed()
    desk.port.broadcast(raw)
    desk.chain.mine()
    assert desk.port.receipt(hash_of(raw))
    desk.chain.reorganise(1, drop=[hash_of(raw)])
    assert desk.port.receipt(hash_of(raw)) is None
    desk.port.broadcast(raw)
    desk.chain.mine()
    assert desk.port.receipt(hash_of(raw))


def test_a_strangers_transaction_on_our_nonce_makes_ours_too_low(desk: Desk) -> None:
    raw = desk.signed()
    desk.port.broadcast(raw)
    desk.chain.mine()
    foreign = desk.chain.sign(
        desk.chain.operator, desk.chain.stranger.address, nonce=desk.port.nonce(
            desk.chain.operator.address) - 1,
    )  # fmt: skip
    desk.chain.reorganise(1, include=[foreign])
    with pytest.raises(NonceTooLowError):
        desk.port.broadcast(raw)
    assert desk.port.receipt(hash_of(raw)) is None


def test_what_is_offered_is_mined_and_stays_within_the_policy(desk: Desk) -> None:
    fees = desk.port.fees()
    assert 0 < fees.priority_fee <= fees.max_fee <= 200 * GWEI
    raw = desk.signed(max_fee=fees.max_fee, priority_fee=fees.priority_fee)
    desk.port.broadcast(raw)
    desk.chain.mine()
    assert desk.port.receipt(hash_of(raw))
