"""Who is who on the sandbox's chain, and what our processes are told of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eth_utils.crypto import keccak

from sandbox.chain.places import CHAIN_ID, FACTORY, TOKEN
from sandbox.chain.token_contract import ASSET
from sandbox.chain.wallet import Wallet

CHAIN_NAME = "sandbox"
NATIVE_ASSET = "ETH"
_CONFIRMATIONS = 3
_ETH = 10**18
_DOLLAR = 10**6
# Keys of worthless coins need not be hard to guess the password of, and start-up need not wait.
_KEYSTORE_ROUNDS = 2
_LIMITS = {
    NATIVE_ASSET: {"transaction": str(100 * _ETH), "day": str(1_000 * _ETH)},
    ASSET: {"transaction": str(1_000_000 * _DOLLAR), "day": str(10_000_000 * _DOLLAR)},
}


@dataclass(frozen=True)
class People:
    """The wallets of one sandbox, made of its secret."""

    secret: str = field(repr=False)

    def wallet(self, name: str) -> Wallet:
        """Return somebody's: operator, arbiter, guardian, buyer, other_buyer or seller."""
        return Wallet(keccak(text=f"{self.secret} {name}"))

    def gifts(self) -> dict[str, dict[str, str]]:
        """Return what they have to begin with, by address."""
        coins = {"wei": str(1_000 * _ETH)}
        purse = {"wei": str(100 * _ETH), "tokens": str(100_000 * _DOLLAR)}
        return {
            **{self.wallet(name).address: coins for name in ("operator", "arbiter", "guardian")},
            **{self.wallet(name).address: purse for name in ("buyer", "other_buyer", "seller")},
        }

    def settings(self, rpc_url: str) -> dict[str, str]:
        """Return the environment variables that lead our processes to the chain."""
        chain: Mapping[str, object] = {
            "chain_id": CHAIN_ID,
            "rpc_urls": [rpc_url],
            "native_asset": NATIVE_ASSET,
            "factory": FACTORY,
            **{n: self.wallet(n).address for n in ("operator", "arbiter", "guardian")},
            "tokens": {ASSET: TOKEN},
            "confirmations": _CONFIRMATIONS,
            "max_fee_gwei": "200",
            "max_priority_fee_gwei": "20",
            "bump_after_s": 30,
            "limits": _LIMITS,
        }
        return {
            "CHAINS": json.dumps({CHAIN_NAME: chain}),
            "PAYOUT_COOLING_H": "0",  # who tries things out does not wait for a day
        }

    def keystore(self, folder: Path, *, password: str) -> dict[str, str]:
        """Write the operator's encrypted key, and return what leads a signer to it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file, password_file = folder / "operator.json", folder / "operator.password"
        if not file.exists():
            from eth_account import Account  # noqa: PLC0415 - long to import, and needed once

            encrypted = Account.encrypt(
                self.wallet("operator").key, password, iterations=_KEYSTORE_ROUNDS
            )
            password_file.touch(mode=0o600)
            password_file.write_text(password, encoding="utf-8")
            fresh = file.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps(encrypted), encoding="utf-8")
            fresh.rename(file)
        return {"CHAIN_KEYSTORE": str(file), "CHAIN_KEYSTORE_PASSWORD_FILE": str(password_file)}
