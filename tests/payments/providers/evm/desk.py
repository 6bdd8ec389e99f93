"""Escrows on a test's chain, made and used through the adapter."""

import itertools
from typing import Any

from payments.providers.chain_port import Terms
from payments.providers.evm.adapter import EvmChain
from payments.providers.evm.addresses import keccak_of
from payments.providers.evm.rpc import Rpc
from sandbox.chain.wallet import Wallet
from tests.chain import ETH, TestChain

NUMBERS = itertools.count(1)
DEAD_URL = "http://127.0.0.1:9"  # the discard port, which nobody listens on


class Desk:
    def __init__(self, chain: TestChain, **changed: Any) -> None:
        self.chain = chain
        self.settings = chain.settings(**changed)
        rpc = Rpc(self.settings, connect_timeout_s=1, read_timeout_s=2)
        self.port = EvmChain(self.settings, rpc=rpc)

    def terms(self, **changed: Any) -> Terms:
        now = self.chain.local.now()
        told: dict[str, Any] = {
            "reference": keccak_of(f"esc_{next(NUMBERS)}"),
            "depositor": self.chain.buyer.address,
            "beneficiary": self.chain.seller.address,
            "operator": self.chain.operator.address,
            "arbiter": self.chain.arbiter.address,
            "guardian": self.chain.guardian.address,
            "token": None,
            "amount": 2 * ETH,
            "fund_by": now + 3_600,
            "release_by": now + 7_200,
            "arbiter_by": now + 9_000,
        }
        return Terms(**{**told, **changed})

    def make(self, **changed: Any) -> str:
        """Make an escrow; return where it is."""
        terms = self.terms(**changed)
        self.send(self.chain.factory, self.port.encode_create(terms))
        return self.port.predict_address(terms)

    def funded(self, **changed: Any) -> str:
        escrow = self.make(**changed)
        terms = self.terms(**changed)
        self.chain.deposit(self.chain.buyer, escrow, terms.amount, token=terms.token is not None)
        self.chain.mine()
        return escrow

    def send(self, to: str, calldata: bytes, *, wallet: Wallet | None = None) -> str:
        """Send a transaction and have it mined; return its hash."""
        tx_hash = self.chain.send(wallet or self.chain.operator, to, calldata)
        self.chain.mine()
        return tx_hash

    def signed(self, **changed: Any) -> bytes:
        """Return a transaction of the operator's to itself, with its next nonce."""
        address = self.chain.operator.address
        told = {"nonce": self.port.nonce(address), "gas": 30_000, **changed}
        return self.chain.sign(self.chain.operator, address, **told)
