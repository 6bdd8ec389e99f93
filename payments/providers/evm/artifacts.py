"""The compiled contracts as they are committed, so that no compiler is needed where they are used.

`make contracts` makes the files anew; a test sees that they are what the sources compile to.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from eth_utils.crypto import keccak

FOLDER = "artifacts"


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A compiled contract.

    `bytecode` makes the contract; `runtime_hash` is the keccak of the code that is then found at
    its address, without the `immutable_bytes` that the constructor adds at its end; `sources` are
    the SHA-256 of the files it was compiled from.
    """

    name: str
    compiler: str
    evm_version: str
    sources: Mapping[str, str]
    abi: tuple[Mapping[str, Any], ...]
    bytecode: bytes
    runtime_hash: str
    immutable_bytes: int

    def is_code_of(self, deployed: bytes) -> bool:
        """Tell whether the code found at an address is this contract."""
        code = deployed[: len(deployed) - self.immutable_bytes]
        return f"0x{keccak(code).hex()}" == self.runtime_hash


@cache
def load(name: str) -> Artifact:
    """Return a compiled contract: `escrow` or `escrow_factory`."""
    file = resources.files(__package__).joinpath(FOLDER, f"{name}.json")
    told = json.loads(file.read_text(encoding="utf-8"))
    told["abi"] = tuple(told["abi"])
    told["bytecode"] = bytes.fromhex(told["bytecode"].removeprefix("0x"))
    return Artifact(**told)


def escrow() -> Artifact:
    """Return the contract whose code all escrows share."""
    return load("escrow")


def escrow_factory() -> Artifact:
    """Return the contract that makes escrows."""
    return load("escrow_factory")
