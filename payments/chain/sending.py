"""What a sender works with, and the turn to be the only one of its signer."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from payments.chain_settings import ChainSettings
from payments.privacy.encryption import FieldCipher
from payments.providers.chain_port import Block, ChainPort, Fees, SignerPort
from payments.providers.evm.addresses import checksum

IN_FLIGHT = 16
"""How many transactions may wait for a block at once: what a node keeps of one sender."""

HAND_IN_AGAIN_AFTER = dt.timedelta(seconds=15)
"""How long to wait before the same bytes are handed in again: a node may have dropped them."""

LOOK_AGAIN_AFTER = dt.timedelta(seconds=5)
"""How long what cannot be done now is left alone."""

_GWEI = 10**9
_TURN = "hashtextextended('strongroom.sender ' || :chain || ' ' || :address, 0)"
_TAKE_TURN = text(f"SELECT pg_try_advisory_lock({_TURN})")
_GIVE_TURN = text(f"SELECT pg_advisory_unlock({_TURN})")


@dataclass(frozen=True, kw_only=True)
class Sending:
    """The ways of one sender: to the database, to its chain, and to who signs.

    It sends for `operator`: that of the chain's settings unless an earlier one is named.
    """

    engine: Engine
    chain: ChainSettings
    port: ChainPort
    signer: SignerPort
    cipher: FieldCipher
    clock: Callable[[], dt.datetime]
    operator: str | None = None
    figures: Counter[str] = field(default_factory=Counter)

    @property
    def address(self) -> str:
        """Whose transactions are sent, checksummed."""
        return checksum(self.operator or self.chain.operator)

    @property
    def highest_fees(self) -> Fees:
        """The most a unit of gas may cost, in wei, by the fee policy."""
        return highest_fees(self.chain)


@dataclass(frozen=True)
class View:
    """The chain as a run sees it; `nonce` is how many transactions of the signer are mined."""

    head: Block
    final_height: int
    nonce: int


def highest_fees(chain: ChainSettings) -> Fees:
    """Return the most a unit of gas may cost on a chain, in wei."""
    policy = chain.fees
    return Fees(
        max_fee=int(policy.max_fee_gwei * _GWEI),
        priority_fee=int(policy.max_priority_fee_gwei * _GWEI),
    )


@contextmanager
def turn(engine: Engine, *, chain: str, address: str) -> Iterator[bool]:
    """Be the only sender of an address while the block runs; False: somebody else is.

    PostgreSQL takes it back as soon as this process or its connection ends. Should that happen
    unnoticed, two senders still do no harm: each step locks its rows and looks at them anew.
    """
    whose = {"chain": chain, "address": address}
    with engine.connect() as plain:
        connection = plain.execution_options(isolation_level="AUTOCOMMIT")
        taken = bool(connection.execute(_TAKE_TURN, whose).scalar_one())
        try:
            yield taken
        finally:
            if taken:
                with suppress(DBAPIError):  # then the connection is gone, and the turn with it
                    connection.execute(_GIVE_TURN, whose)
