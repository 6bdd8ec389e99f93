"""Intents become transactions: each once, in the order of their nonces, followed until final."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from payments.chain import intents
from payments.chain.send import send
from payments.chain.sending import IN_FLIGHT
from payments.database import transaction
from payments.errors import UnavailableError
from payments.privacy.encryption import FieldCipher, rotated_keyset_json
from payments.providers.evm.addresses import keccak_of
from payments.providers.evm.remote_signer import RemoteSigner
from payments.rotate_encryption import rotate_encryption
from tests.payments.chain.world import DisturbedSigner, World
from tests.payments.shop import KEYSET


def test_an_escrow_is_deployed_and_released(world: World) -> None:
    escrow = world.funded_escrow()
    assert world.intent(escrow.id).state == "final"
    release_id = world.release(escrow)
    world.send()
    assert world.intent(release_id).state == "broadcast"
    assert len(world.attempts(release_id)) == 1
    world.chain.mine()
    world.send()
    intent = world.intent(release_id)
    assert (intent.state, intent.mined_hash) == ("mined", world.attempts(release_id)[0].tx_hash)
    assert intent.gas_paid is not None
    world.chain.mine(2)
    world.send()
    assert world.intent(release_id).state == "final"
    assert world.remaining(escrow) == 0
    assert world.chain.tokens_of(escrow.beneficiary) == 1_000_000 * 10**6 + escrow.amount


def test_the_same_thing_queued_again_is_the_same_intent(world: World) -> None:
    escrow = world.new_escrow()
    first = world.intent(escrow.id)
    with transaction(world.engine) as session:
        again = intents.queue(
            session,
            chain=first.chain,
            signer=first.signer,
            kind="deploy",
            subject_id=escrow.id,
            to=first.to_address,
            calldata=b"something else",
            asset=None,
            amount=0,
            now=world.now(),
        )
    assert again.id == first.id
    assert bytes(again.calldata) == bytes(first.calldata)


def test_what_is_queued_wakes_the_sender_in_the_same_transaction(world: World) -> None:
    world.new_escrow()
    world.new_escrow()
    with transaction(world.engine) as session:
        waiting = session.scalars(
            text("SELECT state FROM strongroom.outbox WHERE job = 'send_transactions'")
        ).all()
    assert waiting == ["waiting"]


def test_refunds_and_partial_releases_share_an_escrow(world: World) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow, escrow.amount // 4)
    refund_id = world.refund(escrow, escrow.amount // 4)
    world.send_until_final()
    assert world.intent(release_id).state == world.intent(refund_id).state == "final"
    assert world.remaining(escrow) == escrow.amount // 2


def test_no_more_wait_for_a_block_than_a_node_keeps(world: World) -> None:
    escrows = [world.new_escrow() for _ in range(IN_FLIGHT + 3)]
    world.send()
    states = [world.intent(escrow.id).state for escrow in escrows]
    assert states == ["broadcast"] * IN_FLIGHT + ["queued"] * 3
    world.chain.mine()
    world.send()
    assert [world.intent(escrow.id).nonce for escrow in escrows] == list(range(IN_FLIGHT + 3))


def test_two_senders_at_once_send_each_intent_once(world: World) -> None:
    escrows = [world.new_escrow() for _ in range(8)]
    barrier = threading.Barrier(4)
    failures: list[Exception] = []

    def run() -> None:
        barrier.wait()
        try:
            for _ in range(3):
                world.send()
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [len(world.attempts(escrow.id)) for escrow in escrows] == [1] * 8
    assert sorted(world.intent(escrow.id).nonce or 0 for escrow in escrows) == list(range(8))


def test_a_second_sender_that_got_in_between_does_not_have_two_nonces_signed(world: World) -> None:
    """As if the first one's turn had been lost unnoticed, while it waited for the signer."""
    escrow = world.funded_escrow()
    release_id = world.release(escrow)

    def take_back() -> None:
        world.set("chain_intents", world.intent(release_id).id, nonce=None, state="queued")

    world.send(signer=DisturbedSigner(world.signer(), after=take_back))
    assert world.attempts(release_id) == []
    world.later(10)
    world.send()  # fills the gap the test made, and sends
    world.send_until_final()
    assert world.intent(release_id).state == "final"
    assert world.remaining(escrow) == 0


def test_what_the_contract_would_refuse_is_canceled_and_takes_no_nonce(world: World) -> None:
    escrow = world.funded_escrow()
    before = world.row().next_nonce
    release_id = world.release(escrow, escrow.amount + 1)
    world.send()
    intent = world.intent(release_id)
    assert (intent.state, intent.nonce) == ("canceled", None)
    assert intent.error == "reverted: more than remains"
    assert world.row().next_nonce == before


def test_what_is_reverted_all_the_same_has_failed_when_that_is_final(world: World) -> None:
    escrow = world.funded_escrow()
    first, second = world.release(escrow), world.refund(escrow)
    world.send_until_final()
    assert world.intent(first).state == "final"
    lost = world.intent(second)
    assert lost.state == "failed"
    assert (lost.error or "").startswith("reverted")
    assert lost.gas_paid is not None


def test_a_queued_intent_can_be_canceled_and_one_with_a_nonce_cannot(world: World) -> None:
    escrow, other = world.new_escrow(), world.new_escrow()

    def cancel(subject_id: str) -> bool:
        with transaction(world.engine) as session:
            return intents.cancel(
                session, kind="deploy", subject_id=subject_id, reason="asked", now=world.now()
            )

    assert cancel(escrow.id)
    world.send()
    assert not cancel(other.id)
    assert world.intent(escrow.id).state == "canceled"
    assert world.intent(other.id).state == "broadcast"


def test_without_its_signer_nothing_is_sent_until_it_is_back(world: World) -> None:
    escrow = world.new_escrow()

    with pytest.raises(UnavailableError):
        world.send(signer=RemoteSigner("http://127.0.0.1:9", "nobody listens there"))
    assert world.intent(escrow.id).state == "signed"
    world.send()
    assert world.intent(escrow.id).state == "broadcast"
    assert world.intent(escrow.id).nonce == 0


def test_a_chain_without_an_answer_loses_nothing(world: World) -> None:
    escrow = world.new_escrow()
    world.send()
    second = world.new_escrow()
    world.chain.faults({"fault": "answer", "status": 503, "path": "eth_estimateGas"})
    with pytest.raises(UnavailableError):
        world.send()
    world.chain.faults()
    world.later(10)
    world.send()
    assert [world.intent(one.id).nonce for one in (escrow, second)] == [0, 1]


def test_a_nonce_that_no_intent_has_is_filled(world: World) -> None:
    escrow = world.new_escrow()
    world.send()
    with transaction(world.engine) as session:
        session.execute(text("UPDATE strongroom.chain_signers SET next_nonce = 3"))
    last = world.new_escrow()
    figures = world.send()
    assert figures["gaps_filled"] == 2
    found = {intent.nonce: intent.kind for intent in world.intents()}
    assert found == {0: "deploy", 1: "noop", 2: "noop", 3: "deploy"}
    world.send_until_final()
    assert {intent.state for intent in world.intents()} == {"final"}
    assert world.port.nonce(world.settings.operator) == 4
    assert world.intent(last.id).nonce == 3
    assert world.intent(escrow.id).nonce == 0


def test_kept_bytes_are_encrypted_anew_with_a_new_key_and_sent_again(world: World) -> None:
    escrow = world.new_escrow()
    world.chain.faults({"fault": "close", "path": "eth_sendRawTransaction"})
    world.send()
    world.chain.faults()
    before = world.attempts(escrow.id)[0].raw_encrypted
    cipher = FieldCipher(rotated_keyset_json(KEYSET))
    rotate_encryption(world.engine, cipher=cipher)
    assert world.attempts(escrow.id)[0].raw_encrypted != before
    world.later(20)
    sending = replace(world.sending(), cipher=cipher)
    assert send(sending, until=world.now() + world.until_ahead)["handed_in"] == 1
    assert world.port.knows(world.attempts(escrow.id)[0].tx_hash)


def test_raw_bytes_are_kept_encrypted(world: World) -> None:
    escrow = world.new_escrow()
    world.send()
    attempt: Any = world.attempts(escrow.id)[0]
    assert keccak_of(escrow.id)[2:].encode() not in bytes(attempt.raw_encrypted)
    assert bytes.fromhex(keccak_of(escrow.id)[2:]) not in bytes(attempt.raw_encrypted)
