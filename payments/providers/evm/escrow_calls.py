"""What our contracts are called with, and where the factory puts an escrow: by their ABI alone.

An escrow is a minimal proxy (EIP-1167) that the factory makes by CREATE2 (EIP-1014), with the hash
of its terms as the salt.
"""

from functools import cache
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from web3 import Web3

from payments.providers.chain_port import Terms
from payments.providers.evm import artifacts
from payments.providers.evm.addresses import checksum

NO_ADDRESS = f"0x{'0' * 40}"
_TERMS = "(bytes32,address,address,address,address,address,address,uint256,uint256,uint256,uint256)"
_PROXY_START = bytes.fromhex("602d3d8160093d39f3363d3d373d3d3d363d73")
_PROXY_END = bytes.fromhex("5af43d82803e903d91602b57fd5bf3")


def create(terms: Terms) -> bytes:
    """Return the calldata that has the factory make an escrow."""
    return _calldata("escrow_factory", "create", _tuple_of(terms))


def release(operation_id: str, amount: int) -> bytes:
    """Return the calldata that has an escrow pay its beneficiary."""
    return _calldata("escrow", "release", bytes.fromhex(operation_id[2:]), amount)


def refund(operation_id: str, amount: int) -> bytes:
    """Return the calldata that has an escrow pay its depositor back."""
    return _calldata("escrow", "refund", bytes.fromhex(operation_id[2:]), amount)


def dispute() -> bytes:
    """Return the calldata that opens a dispute."""
    return _calldata("escrow", "open_dispute")


def view(name: str) -> bytes:
    """Return the calldata of a view of an escrow that takes nothing, such as `status`."""
    return _calldata("escrow", name)


def implementation_of_factory() -> bytes:
    """Return the calldata that asks a factory for the contract whose code its escrows share."""
    return _calldata("escrow_factory", "implementation")


def address_of(terms: Terms, *, factory: str, implementation: str) -> str:
    """Return where a factory puts the escrow with these terms."""
    salt = keccak(encode([_TERMS], [_tuple_of(terms)]))
    creation_code = _PROXY_START + _bytes_of(implementation) + _PROXY_END
    made_by = b"\xff" + _bytes_of(factory) + salt + keccak(creation_code)
    return checksum(f"0x{keccak(made_by)[12:].hex()}")


def _tuple_of(terms: Terms) -> tuple[Any, ...]:
    """Return the terms in the order of the contract's struct."""
    parties = (
        terms.depositor, terms.beneficiary, terms.operator, terms.arbiter, terms.guardian,
        terms.token or NO_ADDRESS,
    )  # fmt: skip
    return (
        bytes.fromhex(terms.reference[2:]),
        *(checksum(party) for party in parties),
        terms.amount,
        terms.fund_by,
        terms.release_by,
        terms.arbiter_by,
    )


def _bytes_of(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def _calldata(contract: str, function: str, *arguments: Any) -> bytes:
    return bytes.fromhex(_contract(contract).encode_abi(function, arguments)[2:])


@cache
def _contract(name: str) -> Any:
    return Web3().eth.contract(abi=artifacts.load(name).abi)
