"""A local chain for a test: served in this process, with contracts, tokens and funded wallets."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any

from eth_utils.address import to_canonical_address

from payments.chain_settings import ChainSettings, FeePolicy, Limits, TokenSettings
from sandbox.chain.contracts_at_start import Gift
from sandbox.chain.evm import MinedBlock
from sandbox.chain.local_chain import LocalChain, Reorganisation
from sandbox.chain.places import BALANCES, CHAIN_ID, FACTORY, TOKEN
from sandbox.chain.server import ChainServer
from sandbox.chain.wallet import NodeClient, Wallet, calldata

CHAIN_NAME = "local"
WALLETS = {
    name: Wallet.named(name)
    for name in (
        *("operator", "arbiter", "guardian", "buyer", "other_buyer"),
        *("seller", "other_seller", "stranger"),
    )
}
ETH = 10**18
USDC = 10**6


class AnyChain:
    """A chain with our contracts, as far as its node's JSON-RPC goes; see tests/anvil.py, too."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.node = NodeClient(url)
        self.factory = FACTORY
        self.token = TOKEN
        self.chain_id = CHAIN_ID
        self.operator = WALLETS["operator"]
        self.arbiter = WALLETS["arbiter"]
        self.guardian = WALLETS["guardian"]
        self.buyer = WALLETS["buyer"]
        self.other_buyer = WALLETS["other_buyer"]
        self.seller = WALLETS["seller"]
        self.other_seller = WALLETS["other_seller"]
        self.stranger = WALLETS["stranger"]

    def settings(self, *, rpc_urls: Sequence[str] | None = None, **changed: Any) -> ChainSettings:
        """Return what the product is told of it; 3 confirmations unless changed."""
        told: dict[str, Any] = {
            "name": CHAIN_NAME,
            "chain_id": CHAIN_ID,
            "rpc_urls": tuple(rpc_urls or (self.url,)),
            "native_asset": "ETH",
            "factory": FACTORY,
            "operator": self.operator.address,
            "arbiter": self.arbiter.address,
            "guardian": self.guardian.address,
            "tokens": {"USDC": TokenSettings(asset="USDC", address=TOKEN)},
            "fees": FeePolicy(
                max_fee_gwei=Decimal(200), max_priority_fee_gwei=Decimal(20), bump_after_s=60
            ),
            "confirmations": 3,
            "limits": {
                "ETH": Limits(1_000 * ETH, 10_000 * ETH),
                "USDC": Limits(1_000_000 * USDC, 10_000_000 * USDC),
            },
        }
        return ChainSettings(**{**told, **changed})

    def mine(self, count: int = 1) -> object:
        """Make blocks, the first with all that waits."""
        raise NotImplementedError

    def reorganise(
        self,
        depth: int,
        *,
        at: int = 0,
        drop: Sequence[str] = (),
        hold: Sequence[str] = (),
        include: Sequence[bytes] = (),
    ) -> object:
        raise NotImplementedError

    @property
    def height(self) -> int:
        """The number of the newest block."""
        return self.node.number("eth_blockNumber")

    def send(self, wallet: Wallet, to: str, data: bytes = b"", *, value: int = 0) -> str:
        """Send a transaction of a wallet, to be mined; return its hash."""
        return wallet.send(self.node, to=to, data=data, value=value)

    def sign(self, wallet: Wallet, to: str, *, nonce: int, **changed: Any) -> bytes:
        """Return a signed transaction with a nonce of its own; fees and gas may be changed."""
        told: dict[str, Any] = {"gas": 500_000, "max_fee": 20 * 10**9, "priority_fee": 2 * 10**9}
        return wallet.sign(chain_id=CHAIN_ID, nonce=nonce, to=to, **{**told, **changed})

    def broadcast(self, raw: bytes) -> str:
        """Hand in a signed transaction; return its hash."""
        return str(self.node.call("eth_sendRawTransaction", f"0x{raw.hex()}"))

    def deposit(self, wallet: Wallet, escrow: str, amount: int, *, token: bool = True) -> str:
        """Pay an escrow's amount in: the approval is mined, the deposit waits; return its hash."""
        if not token:
            return self.send(wallet, escrow, calldata("deposit()"), value=amount)
        self.send(wallet, TOKEN, calldata("approve(address,uint256)", escrow, amount))
        self.mine()
        return self.send(wallet, escrow, calldata("deposit()"))

    def transfer_tokens(self, wallet: Wallet, to: str, amount: int) -> str:
        """Send tokens past every contract."""
        return self.send(wallet, TOKEN, calldata("transfer(address,uint256)", to, amount))

    def tokens_of(self, address: str) -> int:
        """Return how many of the token's minor units an account has."""
        asked = {"to": TOKEN, "data": f"0x{calldata('balanceOf(address)', address).hex()}"}
        return self.node.number("eth_call", asked, "latest")

    def wei_of(self, address: str) -> int:
        """Return how much wei an account has."""
        return self.node.number("eth_getBalance", address, "latest")

    def receipt(self, tx_hash: str) -> dict[str, Any] | None:
        """Return what a mined transaction did."""
        found: dict[str, Any] | None = self.node.call("eth_getTransactionReceipt", tx_hash)
        return found


class TestChain(AnyChain):
    """The local chain, seen as a test wants it. It makes no block by itself: see `mine`."""

    __test__ = False

    def __init__(self, server: ChainServer) -> None:
        super().__init__(server.url)
        self.server = server
        self.local = server.chain

    @property
    def head(self) -> MinedBlock:
        """The newest block: number, hash (bytes), timestamp, transactions."""
        return self.local.head

    def mine(self, count: int = 1) -> list[MinedBlock]:
        """Make blocks, the first with all that waits."""
        return self.local.mine(count)

    def mine_by_itself(self, every_s: float | None) -> None:
        """Have a block made every so often; 0 is at each transaction, None is never."""
        self.server.miner.every_s = every_s

    def pass_time(self, seconds: int) -> MinedBlock:
        """Put the chain's clock forward and make a block then."""
        return self.local.pass_time(seconds)

    def reorganise(
        self,
        depth: int,
        *,
        length: int | None = None,
        at: int = 0,
        drop: Sequence[str] = (),
        hold: Sequence[str] = (),
        include: Sequence[bytes] = (),
    ) -> list[MinedBlock]:
        """Replace the last blocks; `drop` and `hold` are transaction hashes, `include` raw ones.

        See sandbox/chain/local_chain.py, Reorganisation.
        """
        return self.local.reorganise(
            Reorganisation(
                depth=depth,
                length=length,
                at=at,
                drop=[_bytes(one) for one in drop],
                hold=[_bytes(one) for one in hold],
                include=include,
            )
        )

    def set_wei(self, address: str, wei: int) -> None:
        """Have an account hold just so much, in a block of its own."""
        self.local.set_balances({to_canonical_address(address): wei})

    def faults(self, *rules: dict[str, Any], seed: int = 0) -> None:
        """Have calls go wrong: a rule's `path` is a JSON-RPC method; none ends it."""
        self.server.faults.replace(list(rules), seed=seed)

    @contextmanager
    def another_node(self) -> Iterator[ChainServer]:
        """Serve the same chain at another URL, with faults (and a lag) of its own."""
        with ChainServer(self.local) as server:
            yield server


@contextmanager
def running_chain(*, every_s: float | None = None) -> Iterator[TestChain]:
    """Run a new chain; wallets have 1,000 ETH and 1,000,000 USDC each."""
    addresses = [wallet.address for wallet in WALLETS.values()]
    balances: dict[bytes, int] = {to_canonical_address(a): 1_000 * ETH for a in addresses}
    gifts = [Gift(address, 0, 1_000_000 * USDC) for address in addresses]
    with (
        closing(LocalChain(None, now=_clock, balances={**BALANCES, **balances})) as local,
        ChainServer(local, every_s=every_s, gifts=gifts) as server,
    ):
        chain = TestChain(server)
        with closing(chain.node):
            yield chain


def _clock() -> float:
    return dt.datetime.now(dt.UTC).timestamp()  # noqa: TID251 - blocks bear the real time


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
