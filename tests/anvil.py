"""Foundry's anvil as a chain for tests, where its binary is found: on PATH, or named by ANVIL."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import requests
from eth.vm.forks.prague import PragueVM

from sandbox.chain.contracts_at_start import Gift, contract_transactions, gift_transactions
from sandbox.chain.places import BALANCES, CHAIN_ID
from tests.chain import ETH, USDC, WALLETS, AnyChain
from tests.conditions import wait_until
from tests.databases import free_port


def find_anvil() -> Path | None:
    """Return where the binary is, if there is one."""
    named = os.environ.get("ANVIL") or shutil.which("anvil")  # noqa: TID251 - a test's own choice
    return None if named is None else Path(named)


class AnvilChain(AnyChain):
    """A chain that anvil runs; it makes no block by itself."""

    def mine(self, count: int = 1) -> None:
        """Make blocks, the first with all that waits."""
        self.node.call("anvil_mine", hex(count))

    def reorganise(
        self,
        depth: int,
        *,
        at: int = 0,
        drop: Sequence[str] = (),
        hold: Sequence[str] = (),
        include: Sequence[bytes] = (),
    ) -> None:
        """Replace the last blocks by one more, as TestChain does.

        What comes after a dropped or held transaction of its sender waits, too.
        """
        first = self.height - depth + 1
        orphans = [raw for number in range(first, self.height + 1) for raw in self._raws(number)]
        taken = {_place(raw) for raw in include}
        kept, later = list(include), []
        stopped: set[bytes] = set()
        for tx_hash, raw in orphans:
            sender, _nonce = _place(raw)
            if tx_hash in drop or tx_hash in hold:
                stopped.add(sender)
                later += [raw] if tx_hash in hold else []
            elif _place(raw) not in taken:
                (later if sender in stopped else kept).append(raw)
        self.node.call("anvil_reorg", depth, [[f"0x{raw.hex()}", at] for raw in kept])
        self.mine()
        for raw in later:
            self.broadcast(raw)

    def _raws(self, number: int) -> Iterator[tuple[str, bytes]]:
        whole = False
        block = self.node.call("eth_getBlockByNumber", hex(number), whole)
        for tx_hash in block["transactions"]:
            raw = self.node.call("eth_getRawTransactionByHash", tx_hash)
            yield tx_hash, bytes.fromhex(raw[2:])


@contextmanager
def running_anvil() -> Iterator[AnvilChain]:
    """Run a new chain; contracts, wallets and what they have are as on the local one.

    Raises:
        FileNotFoundError: there is no anvil here.
    """
    binary = find_anvil()
    if binary is None:
        raise FileNotFoundError("anvil")
    port = free_port()
    told = ["--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID)]
    process = subprocess.Popen([binary, *told, "--no-mining", "--silent", "--accounts", "0"])
    try:
        chain = AnvilChain(f"http://127.0.0.1:{port}")
        with closing(chain.node):
            wait_until(lambda: _answers(chain))
            _begin(chain)
            yield chain
    finally:
        process.terminate()
        process.wait()


def _begin(chain: AnvilChain) -> None:
    addresses = [wallet.address for wallet in WALLETS.values()]
    for account, wei in BALANCES.items():
        chain.node.call("anvil_setBalance", f"0x{account.hex()}", hex(wei))
    for address in addresses:
        chain.node.call("anvil_setBalance", address, hex(1_000 * ETH))
    raws = contract_transactions()
    for nonce, address in enumerate(addresses):
        raws += gift_transactions(Gift(address, 0, 1_000_000 * USDC), nonce=nonce)
    for raw in raws:
        chain.broadcast(raw)
        chain.mine()


def _answers(chain: AnvilChain) -> bool:
    try:
        return chain.node.number("eth_chainId") == CHAIN_ID
    except requests.RequestException:
        return False


def _place(raw: bytes) -> tuple[bytes, int]:
    """Return whose transaction it is, and under which nonce."""
    transaction = PragueVM.get_transaction_builder().decode(raw)
    return bytes(transaction.sender), int(transaction.nonce)
