"""The signer signs what the database says, once it agrees with itself, and refuses all else."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, text

from payments.chain.tables import ChainAttempt, ChainIntent
from payments.chain_settings import Limits
from payments.database import transaction
from payments.escrow.tables import Escrow
from payments.identifiers import new_id
from payments.providers.chain_errors import SigningRefusedError
from payments.providers.chain_port import Fees
from payments.providers.evm.addresses import keccak_of
from tests.chain import USDC, TestChain, running_chain
from tests.payments.chain.world import World, open_world

FEES = Fees(max_fee=30 * 10**9, priority_fee=10**9)
OTHER = f"0x{7:064x}"


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as running:
        yield running


@pytest.fixture(scope="module")
def world(engine: Engine, chain: TestChain) -> World:
    return open_world(engine, chain)


@pytest.fixture(scope="module")
def funded(world: World) -> Escrow:
    return world.funded_escrow(10_000 * USDC)


@dataclass
class Asked:
    """A release whose turn it is to be signed, and the hands of whoever wants another signed."""

    world: World
    owner: Engine
    escrow: Escrow
    release_id: str

    @property
    def intent(self) -> ChainIntent:
        return self.world.intent(self.release_id)

    def forge(self, table: str, row_id: str, **values: object) -> None:
        """Change what is never changed, as somebody who got into the database might."""
        columns = ", ".join(f"{name} = :{name}" for name in values)
        with self.owner.begin() as connection:
            connection.execute(text(f"ALTER TABLE strongroom.{table} DISABLE TRIGGER USER"))
            connection.execute(
                text(f"UPDATE strongroom.{table} SET {columns} WHERE id = :id"),
                values | {"id": row_id},
            )
            connection.execute(text(f"ALTER TABLE strongroom.{table} ENABLE TRIGGER USER"))

    def in_intent(self, **values: object) -> None:
        self.forge("chain_intents", self.intent.id, **values)

    def in_release(self, **values: object) -> None:
        self.forge("releases", self.release_id, **values)

    def in_escrow(self, **values: object) -> None:
        self.forge("escrows", self.escrow.id, **values)

    def call(self, operation_id: str, amount: int) -> bytes:
        return self.world.port.encode_release(operation_id, amount)


@pytest.fixture
def asked(world: World, owner_engine: Engine, funded: Escrow) -> Iterator[Asked]:
    """Whatever a test forges of the escrow is put back: other tests use it, too."""
    release_id = world.release(funded, USDC)
    take_turn(world, release_id)
    asked = Asked(world, owner_engine, funded, release_id)
    yield asked
    kept = ("beneficiary", "contract_address", "status", "asset", "token_address", "arbiter")
    asked.in_escrow(**{name: getattr(funded, name) for name in kept} | {"status": "funded"})
    if asked.intent.nonce is not None and asked.intent.state != "signed":
        return
    asked.forge("chain_intents", asked.intent.id, nonce=None, state="canceled")


def take_turn(world: World, subject_id: str) -> None:
    """Give an intent its nonce, as the sender does."""
    with transaction(world.engine) as session:
        nonce = session.scalars(
            text(
                "UPDATE strongroom.chain_signers SET next_nonce = next_nonce + 1"
                " RETURNING next_nonce - 1"
            )
        ).one()
    world.set(
        "chain_intents",
        world.intent(subject_id).id,
        state="signed",
        nonce=nonce,
        gas_limit=200_000,
        signed_at=world.now(),
    )


def refusal(asked: Asked, fees: Fees = FEES, *, world: World | None = None) -> str:
    with pytest.raises(SigningRefusedError) as refused:
        (world or asked.world).signer().sign(asked.intent.id, fees=fees)
    return refused.value.code


def test_it_signs_what_agrees_and_the_same_again(asked: Asked) -> None:
    signer = asked.world.signer()
    signed = signer.sign(asked.intent.id, fees=FEES)
    assert signer.sign(asked.intent.id, fees=FEES) == signed
    raised = signer.sign(asked.intent.id, fees=Fees(FEES.max_fee * 2, FEES.priority_fee * 2))
    assert raised.tx_hash != signed.tx_hash
    call = asked.call(keccak_of(asked.release_id), USDC)
    assert call in signed.raw
    assert call in raised.raw


@pytest.mark.parametrize(
    ("forge", "code"),
    [
        (lambda a: a.in_intent(to_address=a.world.chain.stranger.address), "other_contract"),
        (lambda a: a.in_intent(to_address=a.escrow.token_address), "other_contract"),
        (lambda a: a.in_intent(calldata=a.call(keccak_of(a.release_id), 2)), "other_call"),
        (lambda a: a.in_intent(calldata=a.call(OTHER, USDC)), "other_call"),
        (lambda a: a.in_intent(calldata=b""), "other_call"),
        (lambda a: a.in_intent(amount=1), "other_amount"),
        (lambda a: a.in_intent(asset="ETH"), "other_amount"),
        (lambda a: a.in_intent(value=1), "value"),
        (lambda a: a.in_intent(gas_limit=5_000_000), "gas"),
        (lambda a: a.in_intent(gas_limit=None), "gas"),
        (lambda a: a.in_intent(signer=a.world.chain.arbiter.address), "other_signer"),
        (lambda a: a.in_intent(chain="elsewhere"), "other_chain"),
        (lambda a: a.in_intent(nonce=10_000), "nonce"),
        (lambda a: a.in_intent(state="queued", nonce=None), "state"),
        (lambda a: a.in_intent(state="canceled", nonce=None), "state"),
        (lambda a: a.in_intent(state="failed"), "state"),
        (lambda a: a.in_intent(kind="refund"), "unknown_subject"),
        (lambda a: a.in_release(status="requested"), "not_approved"),
        (lambda a: a.in_release(status="canceled"), "not_approved"),
        (lambda a: a.in_release(status="failed", failure_code="x"), "not_approved"),
        (lambda a: a.in_release(needs_approval=True, status="requested"), "not_approved"),
        (lambda a: a.in_release(amount=2 * USDC), "other_call"),
        (lambda a: a.in_release(operation_id=OTHER), "other_operation"),
        (lambda a: a.in_release(currency="ETH"), "other_escrow"),
        (lambda a: a.in_release(origin="chain"), "not_on_chain"),
        (lambda a: a.in_escrow(beneficiary=a.world.chain.stranger.address), "other_contract"),
        (lambda a: a.in_escrow(contract_address=a.world.chain.stranger.address), "other_contract"),
        (lambda a: a.in_escrow(status="disputed"), "escrow_not_open"),
        (lambda a: a.in_escrow(status="closed"), "escrow_not_open"),
        (lambda a: a.in_escrow(status="deposit_seen"), "escrow_not_funded"),
        (lambda a: a.in_escrow(asset="DAI"), "asset"),
        (lambda a: a.in_escrow(token_address=a.world.chain.stranger.address), "asset"),
        (lambda a: a.in_escrow(arbiter=a.world.chain.stranger.address), "other_contract"),
    ],
)
def test_it_refuses_what_somebody_wrote_into_the_database(
    asked: Asked, forge: Callable[[Asked], None], code: str
) -> None:
    forge(asked)
    assert refusal(asked) == code


@pytest.mark.parametrize(
    "fees",
    [
        Fees(201 * 10**9, 10**9),
        Fees(30 * 10**9, 21 * 10**9),
        Fees(0, 0),
        Fees(10**9, 2 * 10**9),
        Fees(10**9, -1),
    ],
)
def test_it_refuses_fees_outside_of_the_policy(asked: Asked, fees: Fees) -> None:
    assert refusal(asked, fees) == "fee"


def test_it_refuses_an_intent_that_does_not_exist(asked: Asked) -> None:
    with pytest.raises(SigningRefusedError) as refused:
        asked.world.signer().sign(new_id("cti", now=asked.world.now()), fees=FEES)
    assert refused.value.code == "unknown_intent"


def test_it_refuses_what_is_frozen_by_anybody(asked: Asked) -> None:
    lift = asked.world.freeze(asked.escrow.order_id)
    assert refusal(asked) == "frozen"
    lift()
    asked.world.signer().sign(asked.intent.id, fees=FEES)


def test_it_refuses_while_its_address_is_frozen(asked: Asked) -> None:
    with transaction(asked.world.engine) as session:
        session.execute(
            text("UPDATE strongroom.chain_signers SET frozen_at = now(), frozen_reason = 'a test'")
        )
    assert refusal(asked) == "signer_frozen"
    with transaction(asked.world.engine) as session:
        session.execute(
            text("UPDATE strongroom.chain_signers SET frozen_at = NULL, frozen_reason = NULL")
        )


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(USDC - 1, 100 * USDC), "limit_transaction"),
        (Limits(100 * USDC, USDC - 1), "limit_transaction"),
    ],
)
def test_it_knows_the_limits_itself(asked: Asked, limits: Limits, code: str) -> None:
    limited = asked.world.with_settings(limits={"USDC": limits})
    assert refusal(asked, world=limited) == code


def test_it_counts_what_was_signed_in_a_day_itself(asked: Asked) -> None:
    other = asked.world.release(asked.escrow, USDC)
    take_turn(asked.world, other)
    limited = asked.world.with_settings(limits={"USDC": Limits(USDC, USDC)})
    assert refusal(asked, world=limited) == "limit_day"
    asked.forge("chain_intents", asked.world.intent(other).id, nonce=None, state="canceled")


def kept(asked: Asked, intent_id: str, nonce: int, **changed: object) -> None:
    with transaction(asked.world.engine) as session:
        session.add(
            ChainAttempt(
                tx_hash=keccak_of(new_id("tx", now=asked.world.now())),
                intent_id=intent_id,
                nonce=nonce,
                raw_encrypted=b"",
                max_fee=1,
                priority_fee=1,
                signed_at=asked.world.now(),
                **changed,
            )
        )


def test_it_refuses_a_nonce_that_something_else_was_signed_with(asked: Asked) -> None:
    kept(asked, asked.world.intent(asked.escrow.id).id, asked.intent.nonce or 0)
    assert refusal(asked) == "nonce"


def test_it_refuses_a_second_nonce_for_what_was_signed_with_another(asked: Asked) -> None:
    kept(asked, asked.intent.id, 10_001)
    assert refusal(asked) == "nonce"


def test_what_was_discarded_stands_in_nobodys_way(asked: Asked) -> None:
    kept(asked, asked.intent.id, 10_002, discarded_at=asked.world.now())
    asked.world.signer().sign(asked.intent.id, fees=FEES)
