"""What a reading changes, escrow by escrow, and which escrows have something due besides."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, select, text
from sqlalchemy.orm import Session

from payments.escrow.tables import Escrow, EscrowEffect
from payments.providers.chain_port import ChainLog
from payments.watching.effects import Observed, observe
from payments.watching.errors import TornReadingError
from payments.watching.read_chain import Place, Reading


@dataclass
class Change:
    """What is new of an escrow: things that happened, and ids of effects that are undone."""

    observed: list[Observed] = field(default_factory=list)
    orphaned: set[int] = field(default_factory=set)


def watched_contracts(session: Session, chain: str, *, final_at: dt.datetime) -> list[str]:
    """Return the contracts to which tokens may yet be sent by mistake: of all open escrows."""
    is_over = and_(Escrow.status == "expired", Escrow.release_by < final_at)
    watched = select(Escrow.contract_address).where(
        Escrow.chain == chain, Escrow.status.not_in(("closed", "failed")), ~is_over
    )
    return list(session.scalars(watched))


def plan_changes(session: Session, chain: str, reading: Reading, place: Place) -> dict[str, Change]:
    """Return by escrow what the reading changes.

    Raises:
        TornReadingError: something that happened in a block is not told of the same block any more.
    """
    named = {log.contract for log in [*reading.logs, *reading.transfers]}
    ours = select(Escrow.contract_address, Escrow.id).where(
        Escrow.chain == chain, Escrow.contract_address.in_(named)
    )
    escrow_ids = {row[0]: row[1] for row in session.execute(ours)} if named else {}
    observed = observe(reading.logs, reading.transfers, escrow_ids=escrow_ids)
    known = _live_effects(session, chain, reading)
    changes: dict[str, Change] = {}
    for escrow_id, effects in observed.items():
        before = {effect.key: effect for effect in known if effect.escrow_id == escrow_id}
        news = [effect for effect in effects if not _is_same(before.get(effect.key), effect)]
        if news:
            changes.setdefault(escrow_id, Change()).observed = news
    told = {escrow_id: {e.key: e for e in effects} for escrow_id, effects in observed.items()}
    for effect in known:
        if _is_gone(effect, told.get(effect.escrow_id, {}), reading, place):
            changes.setdefault(effect.escrow_id, Change()).orphaned.add(effect.id)
    return changes


def _live_effects(session: Session, chain: str, reading: Reading) -> Sequence[EscrowEffect]:
    """Return what is known to have happened in the blocks that were read."""
    if not reading.blocks and not reading.was_reorganised:
        return []
    found = (
        select(EscrowEffect)
        .join(Escrow, Escrow.id == EscrowEffect.escrow_id)
        .where(
            Escrow.chain == chain,
            EscrowEffect.block_number >= reading.first,
            EscrowEffect.state != "orphaned",
        )
        .execution_options(populate_existing=True)
    )
    return session.scalars(found).all()


def _is_same(known: EscrowEffect | None, now: Observed) -> bool:
    return known is not None and _place(known) == _place(now)


def _is_gone(
    effect: EscrowEffect, told: Mapping[str, Observed], reading: Reading, place: Place
) -> bool:
    """Whether the effect's block is not on the chain any more, and nothing else tells of it.

    What is told again, in whichever block, is moved there and not gone. A transfer that seemed to
    be past the deposit, since its node had left the deposit out, is gone, too.
    """
    if effect.key in told:
        return False
    if any(_place(log) == _place(effect) for log in reading.transfers):
        return True
    if effect.block_number > reading.scanned_to:
        return reading.was_reorganised
    if reading.hash_at(effect.block_number, place) == effect.block_hash:
        detail = f"{effect.key} of {effect.escrow_id} is told of its block no more."
        raise TornReadingError(detail)
    return effect.block_number > reading.ancestor


def _place(of: ChainLog | EscrowEffect | Observed) -> tuple[str, str, int]:
    return of.block_hash, of.tx_hash, of.log_index


_DUE = text("""
    SELECT e.escrow_id FROM strongroom.escrow_effects e JOIN strongroom.escrows s
        ON s.id = e.escrow_id
     WHERE s.chain = :chain AND e.state = 'seen' AND e.block_number <= :final_to
    UNION
    SELECT e.escrow_id FROM strongroom.escrow_effects e JOIN strongroom.escrows s
        ON s.id = e.escrow_id
     WHERE s.chain = :chain AND e.state <> 'final' AND e.entry_id IS NOT NULL
    UNION
    SELECT id FROM strongroom.escrows
     WHERE chain = :chain AND status IN ('deploying', 'awaiting_deposit') AND fund_by < :final_at
    UNION
    SELECT s.id FROM strongroom.escrows s JOIN strongroom.chain_intents i
        ON i.kind = 'deploy' AND i.subject_id = s.id
     WHERE s.chain = :chain AND s.status = 'deploying' AND i.state IN ('failed', 'canceled')
    UNION
    SELECT r.escrow_id FROM strongroom.releases r JOIN strongroom.chain_intents i
        ON i.kind = 'release' AND i.subject_id = r.id
     WHERE i.chain = :chain AND r.status NOT IN ('posted', 'failed', 'canceled')
       AND r.status <> CASE i.state WHEN 'queued' THEN 'approved' WHEN 'final' THEN 'mined'
                                    ELSE i.state END
    UNION
    SELECT p.escrow_id FROM strongroom.refunds r JOIN strongroom.payments p ON p.id = r.payment_id
      JOIN strongroom.chain_intents i ON i.kind = 'refund' AND i.subject_id = r.id
     WHERE i.chain = :chain AND r.status = 'pending' AND r.provider = 'evm'
       AND i.state IN ('failed', 'canceled')
""")


def escrows_due(session: Session, chain: str, *, final_to: int, final_at: dt.datetime) -> set[str]:
    """Return the escrows with something to book, to undo, to let expire, or to hear of an intent.

    `final_at` is the time of the last final block.
    """
    told = {"chain": chain, "final_to": final_to, "final_at": final_at}
    return set(session.scalars(_DUE, told))


def merge(changes: Mapping[str, Change], due: Iterable[str]) -> list[tuple[str, Change]]:
    """Return all escrows to follow, in the order of their ids: older ones first."""
    ids = sorted({*changes, *due})
    return [(escrow_id, changes.get(escrow_id, Change())) for escrow_id in ids]
