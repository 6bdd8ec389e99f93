"""Compares what chains have with our books: contracts, releases, refunds, and nonces.

Whoever watches a chain books what our escrows did, asked for by us or not. What is left is what it
cannot know: who asked for it, escrows that were forgotten, and nonces that were used in what was.
"""

import time
from collections.abc import Mapping
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.chain import signers
from payments.chain.tables import ChainSigner
from payments.chain_settings import ChainSettings
from payments.database import in_transaction
from payments.errors import UnavailableError
from payments.escrow.tables import Escrow
from payments.restores.adopt_operations import adopt_operations
from payments.restores.look import Look
from payments.watching.tables import ChainCursor
from payments.watching.watch_chain import Watch, watch_chain

_RANGE = 1_000
_TRIES, _PAUSE_S = 600, 0.2


def adopt_chains(look: Look, chains: Mapping[str, ChainSettings]) -> None:
    """Read every chain to its head, then look for what the books still do not know.

    Raises:
        WatchingError, UnavailableError, WrongChainError: a chain was not read to its end.
    """
    for name, port in look.providers.chains.items():
        read_to = in_transaction(look.engine, partial(_read_to, name))
        watch = Watch(
            engine=look.engine, settings=chains[name], port=port, chains=chains, clock=look.clock
        )
        _read_to_the_head(watch)
        adopt_operations(look, name)
        if read_to is not None:
            _find_forgotten_escrows(look, name, read_to)
        _compare_nonces(look, name)


def _read_to_the_head(watch: Watch) -> None:
    """Read a chain to its end; whoever watches it meanwhile may have been behind, and is let do so.

    Raises:
        UnavailableError: somebody else did all the time.
    """
    others = 0
    while others < _TRIES:
        figures = watch_chain(watch)
        if not figures:  # it was somebody else's turn
            others += 1
            time.sleep(_PAUSE_S)
        elif not figures["more"]:
            return
    raise UnavailableError(f"Somebody else watches {watch.chain} all the time.")


def _read_to(chain: str, session: Session) -> int | None:
    return session.scalar(select(ChainCursor.scanned_to).filter_by(chain=chain))


def _find_forgotten_escrows(look: Look, chain: str, read_to: int) -> None:
    """Note contracts of ours with money in them that no escrow of the books is."""
    port = look.providers.chains[chain]
    operators = in_transaction(
        look.engine, lambda session: signers.list_addresses(session, chain=chain)
    )
    head = port.head().number
    named: dict[str, int] = {}
    for first in range(read_to + 1, head + 1, _RANGE):
        last = min(first + _RANGE - 1, head)
        for log in port.logs(operators=operators, from_block=first, to_block=last):
            if log.kind == "created":
                named.setdefault(log.contract, log.block_number)

    def note(session: Session) -> None:
        ours = select(Escrow.contract_address).where(Escrow.contract_address.in_(named))
        known = set(session.scalars(ours)) if named else set()
        for contract in sorted(set(named) - known):
            state = port.escrow_state(contract)
            look.note(
                session,
                "chain",
                provider=chain,
                provider_ref=contract,
                status="open",
                detail=f"an escrow of ours that is forgotten: {state.status}, it holds"
                f" {state.remaining}; its depositor gets that back by the contract's own deadlines",
            )

    in_transaction(look.engine, note)


def _compare_nonces(look: Look, chain: str) -> None:
    """Freeze a signer whose nonces were used in what is forgotten: thawing it goes past them."""
    port = look.providers.chains[chain]

    def compare(session: Session) -> None:
        rows = session.scalars(select(ChainSigner).filter_by(chain=chain)).all()
        for row in rows:
            used = port.nonce(row.address)
            if used <= row.next_nonce:
                continue
            signer = signers.lock(session, chain=chain, address=row.address)
            reason = f"{used} nonces are used on chain, and we took {signer.next_nonce}"
            signers.freeze(signer, reason=reason, now=look.clock())
            look.note(
                session,
                "chain",
                provider=chain,
                provider_ref=row.address,
                status="adopted",
                detail=f"{reason}: the signer is frozen until `strongroom chain thaw-signer`",
            )

    in_transaction(look.engine, compare)
