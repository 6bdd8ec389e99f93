"""Seeded reorganisations, 1 to 12 deep, each time followed by the books; `make deep` plays 100.

Three blocks make something final here, so most of them undo what was booked. Transactions are
dropped, held back and replaced by others with the same nonce.
"""

import random
from collections.abc import Callable, Iterator

import pytest
from eth_utils.address import to_canonical_address

from payments.errors import StrongroomError
from payments.escrow.tables import Escrow
from payments.lifecycle.tables import Refund
from payments.releases.tables import Release
from sandbox.chain.wallet import Wallet, calldata
from tests.chain import USDC, WALLETS
from tests.depth import IS_DEEP
from tests.payments.watching.stage import Stage

SEEDS = 100 if IS_DEEP else 20
AT_ONCE = 10
DEEPEST = 12


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_the_books_follow_the_chain(stage: Stage, first: int) -> None:
    told = [play(stage, seed) for seed in range(first, first + AT_ONCE)]
    escrows = [escrow for story in told for escrow in story]
    stage.mine_and_watch(3)
    for escrow in escrows:
        check(stage, escrow)
    assert stage.broken() == []


def play(stage: Stage, seed: int) -> list[Escrow]:
    """Have some escrows lived in, reorganise, and see that the books stand where the chain does."""
    rng = random.Random(seed)
    escrows = [stage.new_escrow() for _ in range(rng.randint(1, 2))]
    for escrow in escrows:
        approve = calldata("approve(address,uint256)", escrow.contract_address, escrow.amount)
        send(stage, stage.chain.buyer, stage.chain.token, approve)
        intent = stage.intent(escrow.id)
        send(stage, stage.chain.operator, intent.to_address, intent.calldata)
    stage.chain.mine(rng.randint(1, 2))
    for escrow in escrows:
        send(stage, stage.chain.buyer, escrow.contract_address, calldata("deposit()"))
    stage.mine_and_watch(rng.choice((1, 3, 3)))
    for _ in range(rng.randint(1, 5)):
        act(stage, rng.choice(escrows), rng)
        stage.chain.mine()
        if rng.random() < 0.2:
            stage.watch()
    for _ in range(rng.choice((1, 1, 1, 2))):
        stage.watch()
        reorganise(stage, rng)
    stage.watch()
    stage.mine_and_watch(3)
    for escrow in escrows:
        check(stage, escrow)
    return escrows


def act(stage: Stage, escrow: Escrow, rng: random.Random) -> None:
    """Do something with an escrow; what cannot be done, the contract or we refuse."""
    chain, contract = stage.chain, escrow.contract_address
    amount = rng.randint(1, 50) * USDC

    def operation(what: str) -> bytes:
        return calldata(f"{what}(bytes32,uint256)", rng.randbytes(32), amount)

    def our(ask: Callable[[Escrow, int], Release | Refund]) -> None:
        try:
            intent = stage.intent(ask(escrow, amount).id)
        except StrongroomError:
            return  # not funded, or less than that is left
        send(stage, chain.operator, contract, intent.calldata)

    deeds: list[Callable[[], object]] = [
        lambda: our(stage.ask_release),
        lambda: our(stage.ask_release),
        lambda: our(stage.ask_refund),
        lambda: send(stage, chain.buyer, contract, operation("release")),
        lambda: send(stage, chain.seller, contract, operation("refund")),
        lambda: send(stage, chain.buyer, contract, calldata("open_dispute()")),
        lambda: send(stage, chain.arbiter, contract, operation("release")),
        lambda: send(stage, chain.arbiter, contract, operation("refund")),
        lambda: send(
            stage,
            chain.stranger,
            chain.token,
            calldata("transfer(address,uint256)", contract, amount),
        ),
    ]
    rng.choice(deeds)()


def send(stage: Stage, wallet: Wallet, to: str, data: bytes) -> None:
    """Have a transaction wait, without asking whether it will succeed."""
    account = to_canonical_address(wallet.address)
    nonce = stage.chain.local.nonce(account, pending=True)
    stage.chain.local.send(stage.chain.sign(wallet, to, nonce=nonce, data=data))


def reorganise(stage: Stage, rng: random.Random) -> None:
    chain = stage.chain
    depth = rng.randint(1, min(DEEPEST, chain.head.number - stage.settings.start_block))
    gone = list(transactions(stage, depth))
    draw = {tx: rng.random() for tx, _, _ in gone}
    replaced = [(who, nonce) for tx, who, nonce in gone if draw[tx] > 0.9]
    chain.reorganise(
        depth,
        length=rng.randint(max(1, depth - 1), depth + 2),
        at=rng.randint(0, 2),
        drop=[tx for tx in draw if draw[tx] < 0.2],
        hold=[tx for tx in draw if 0.2 <= draw[tx] < 0.3],
        include=[chain.sign(who, chain.stranger.address, nonce=nonce) for who, nonce in replaced],
    )


def transactions(stage: Stage, depth: int) -> Iterator[tuple[str, Wallet, int]]:
    """Yield hash, sender and nonce of what is in the last blocks."""
    wallets = {to_canonical_address(wallet.address): wallet for wallet in WALLETS.values()}
    for block in stage.chain.local.blocks[-depth:]:
        for tx in block.transactions:
            yield f"0x{tx.hash.hex()}", wallets[tx.sender], tx.nonce


def check(stage: Stage, escrow: Escrow) -> None:
    """What is final on chain is what we show and what is booked."""
    state = stage.port.escrow_state(escrow.contract_address)
    row = stage.escrow(escrow)
    shown = {
        "none": ("deploying",),
        "created": ("awaiting_deposit",),
        "funded": ("funded",),
        "disputed": ("disputed",),
        "closed": ("closed",),
    }
    assert row.status in shown[state.status]
    assert stage.in_contract(escrow) == state.remaining
    assert row.amount_deposited - row.amount_released - row.amount_refunded == state.remaining
    is_paid = state.status in ("funded", "disputed", "closed")
    assert stage.order_status(escrow) == ("paid" if is_paid else "open")
    assert stage.held(escrow)[0] == state.remaining
