"""Whom we sign for, which nonce is next, and when nothing is signed at all."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.chain.tables import ChainIntent, ChainSigner
from payments.log_lines import get_logger

_log = get_logger(__name__)


def register(
    session: Session, *, chain: str, address: str, nonce: int, now: dt.datetime
) -> ChainSigner:
    """Return the signer of an address, locked; made with its nonce on chain at first."""
    session.execute(
        insert(ChainSigner)
        .values(chain=chain, address=address, next_nonce=nonce, created_at=now)
        .on_conflict_do_nothing()
    )
    return lock(session, chain=chain, address=address)


def lock(session: Session, *, chain: str, address: str) -> ChainSigner:
    """Return a signer that was registered, locked: nobody else takes a nonce meanwhile."""
    wanted = select(ChainSigner).where(ChainSigner.chain == chain, ChainSigner.address == address)
    return session.scalars(wanted.with_for_update().execution_options(populate_existing=True)).one()


def list_signers(session: Session) -> list[ChainSigner]:
    """Return all signers."""
    ordered = select(ChainSigner).order_by(ChainSigner.chain, ChainSigner.address)
    return list(session.scalars(ordered))


def list_addresses(session: Session, *, chain: str) -> list[str]:
    """Return all for whom we ever signed on a chain: every escrow that we made is one's of them."""
    return list(session.scalars(select(ChainSigner.address).where(ChainSigner.chain == chain)))


def list_with_open_intents(session: Session, *, chain: str) -> list[str]:
    """Return for whom something is to be sent or followed on a chain."""
    found = select(ChainIntent.signer).where(
        ChainIntent.chain == chain,
        ChainIntent.state.not_in(["final", "failed", "canceled"]),
    )
    return list(session.scalars(found.distinct()))


def freeze(signer: ChainSigner, *, reason: str, now: dt.datetime) -> None:
    """Have a signer sign and send nothing more until a person thaws it, and alert them."""
    if signer.frozen_at is None:
        signer.frozen_at = now
        signer.frozen_reason = reason
    _log.critical(
        "signer_frozen", chain=signer.chain, address=signer.address, reason=signer.frozen_reason
    )
