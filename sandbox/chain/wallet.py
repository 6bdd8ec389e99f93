"""A wallet as people have one: a key, and transactions sent to a node by JSON-RPC."""

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

_TIMEOUT_S = 30


class NodeError(Exception):
    """The node answered with an error: its number and its words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class NodeClient:
    """One HTTP connection to a node."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = itertools.count(1)
        self._http = requests.Session()
        self._http.trust_env = False  # no proxy stands between two processes of one machine

    def call(self, method: str, *params: Any) -> Any:
        """Return what a JSON-RPC method gives.

        Raises:
            NodeError: it gives an error.
            requests.RequestException: there was no answer.
        """
        asked = {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params}
        answer = self._http.post(self.url, json=asked, timeout=_TIMEOUT_S).json()
        if "error" in answer:
            raise NodeError(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def number(self, method: str, *params: Any) -> int:
        """Return what a method gives that gives a number."""
        return int(self.call(method, *params), 16)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


@dataclass(frozen=True)
class Wallet:
    """Whoever holds a private key."""

    key: bytes

    @classmethod
    def named(cls, name: str) -> "Wallet":
        """Return the wallet that everybody can have who knows its name: for worthless coins."""
        return cls(keccak(text=f"strongroom sandbox {name}"))

    @cached_property
    def address(self) -> str:
        """Where it receives, checksummed."""
        secret = int.from_bytes(self.key)
        public = (
            ec.derive_private_key(secret, ec.SECP256K1())
            .public_key()
            .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        )
        return str(to_checksum_address(keccak(public[1:])[12:]))

    def sign(
        self,
        *,
        chain_id: int,
        nonce: int,
        to: str | None,
        gas: int,
        max_fee: int,
        priority_fee: int,
        data: bytes = b"",
        value: int = 0,
    ) -> bytes:
        """Return a signed transaction; fees are wei for each unit of gas; to None: a contract."""
        # It takes a second to import, and most who know wallets only ask for addresses.
        from eth_account import Account  # noqa: PLC0415 - see above

        transaction = {
            "type": 2,
            "chainId": chain_id,
            "nonce": nonce,
            "gas": gas,
            "maxFeePerGas": max_fee,
            "maxPriorityFeePerGas": priority_fee,
            "data": data,
            "value": value,
        }
        if to is not None:
            transaction["to"] = to
        return bytes(Account.sign_transaction(transaction, self.key).raw_transaction)

    def send(
        self,
        node: NodeClient,
        *,
        to: str,
        data: bytes = b"",
        value: int = 0,
        gas: int | None = None,
    ) -> str:
        """Send a transaction after all others of this wallet, and return its hash.

        `gas` is the most it may use; None lets the node estimate it.

        Raises:
            NodeError: the node refuses it, or it would be reverted.
        """
        call = {"from": self.address, "to": to, "data": f"0x{data.hex()}", "value": hex(value)}
        tip = node.number("eth_maxPriorityFeePerGas")
        raw = self.sign(
            chain_id=node.number("eth_chainId"),
            nonce=node.number("eth_getTransactionCount", self.address, "pending"),
            to=to,
            gas=gas or node.number("eth_estimateGas", call),
            max_fee=2 * node.number("eth_gasPrice") + tip,
            priority_fee=tip,
            data=data,
            value=value,
        )
        return str(node.call("eth_sendRawTransaction", f"0x{raw.hex()}"))


def calldata(signature: str, *arguments: Any) -> bytes:
    """Return what calls a method, such as `transfer(address,uint256)`."""
    types = signature[signature.index("(") + 1 : -1]
    encoded = encode(types.split(","), arguments) if types else b""
    return keccak(text=signature)[:4] + encoded
