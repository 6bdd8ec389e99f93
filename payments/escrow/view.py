"""An escrow as callers and live events show it: what the database knows of the chain, no more."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.chain.tables import ChainAttempt, ChainIntent
from payments.chain_settings import ChainSettings
from payments.escrow.chain_head import read_head
from payments.escrow.tables import Escrow, EscrowEffect
from payments.escrow.wallet_calls import Deposit, deposit_of
from payments.lifecycle.view import rfc_3339


@dataclass(frozen=True)
class EffectView:
    """One thing that happened on an escrow's contract; `state`: `seen`, `final`, `orphaned`."""

    kind: str
    amount: int
    tx_hash: str
    block_number: int
    state: str
    at: dt.datetime

    def as_json(self) -> dict[str, Any]:
        """Return it as the API writes it."""
        return {
            "kind": self.kind,
            "amount": str(self.amount),
            "tx_hash": self.tx_hash,
            "block_number": self.block_number,
            "state": self.state,
            "at": rfc_3339(self.at),
        }


@dataclass(frozen=True, kw_only=True)
class EscrowView:
    """An escrow; amounts in minor units of its asset.

    `confirmations` are those of the newest thing that is not final yet; `required_confirmations`
    is None where the chain itself says what is final. `chain_id` is None once its chain is not set
    up any more.
    """

    row: Escrow
    chain_id: int | None
    tx_hash: str | None
    confirmations: int
    required_confirmations: int | None
    effects: Sequence[EffectView]

    @property
    def id(self) -> str:
        """Our id of it."""
        return self.row.id

    @property
    def deposit(self) -> Deposit | None:
        """What the buyer's wallet sends, as long as the money may come."""
        row = self.row
        if row.status != "awaiting_deposit":
            return None
        return deposit_of(contract=row.contract_address, token=row.token_address, amount=row.amount)

    def as_json(self) -> dict[str, Any]:
        """Return the escrow as the API writes it: amounts as digits, times in RFC 3339."""
        row, deposit = self.row, self.deposit
        held = row.amount_deposited - row.amount_released - row.amount_refunded
        return {
            "id": row.id,
            "order_id": row.order_id,
            "payment_id": row.payment_id,
            "chain": row.chain,
            "chain_id": self.chain_id,
            "asset": row.asset,
            "token_address": row.token_address,
            "amount": str(row.amount),
            "status": row.status,
            "is_paused": row.is_paused,
            "contract_address": row.contract_address,
            "depositor": row.depositor,
            "beneficiary": row.beneficiary,
            "operator": row.operator,
            "arbiter": row.arbiter,
            "guardian": row.guardian,
            "fund_by": rfc_3339(row.fund_by),
            "release_by": rfc_3339(row.release_by),
            "arbiter_by": rfc_3339(row.arbiter_by),
            "tx_hash": self.tx_hash,
            "confirmations": self.confirmations,
            "required_confirmations": self.required_confirmations,
            "amount_deposited": str(row.amount_deposited),
            "amount_released": str(row.amount_released),
            "amount_refunded": str(row.amount_refunded),
            "amount_held": str(held),
            "amount_stray": str(row.amount_stray),
            "dispute_reason": row.dispute_reason,
            "deposit": None if deposit is None else deposit.as_json(),
            "timeline": [effect.as_json() for effect in self.effects],
            "created_at": rfc_3339(row.created_at),
            "updated_at": rfc_3339(row.updated_at),
        }


def view_escrow(
    session: Session, row: Escrow, *, chains: Mapping[str, ChainSettings]
) -> EscrowView:
    """Return an escrow with what the watcher saw of it; asks no node."""
    effects = read_effects(session, row.id)
    settings = chains.get(row.chain)
    required = None if settings is None else settings.confirmations
    return EscrowView(
        row=row,
        chain_id=None if settings is None else settings.chain_id,
        tx_hash=_deployed_by(session, row.id, effects),
        confirmations=_confirmations(effects, head=read_head(session, row.chain)),
        required_confirmations=required if isinstance(required, int) else None,
        effects=[view_effect(effect) for effect in effects],
    )


def read_effects(session: Session, escrow_id: str) -> Sequence[EscrowEffect]:
    """Return what happened on an escrow's contract, oldest first, orphaned things too."""
    found = (
        select(EscrowEffect)
        .filter_by(escrow_id=escrow_id)
        .order_by(EscrowEffect.block_number, EscrowEffect.log_index, EscrowEffect.id)
        .execution_options(populate_existing=True)
    )
    return session.scalars(found).all()


def view_effect(effect: EscrowEffect) -> EffectView:
    """Return the effect of a row."""
    return EffectView(
        kind=effect.kind,
        amount=effect.amount,
        tx_hash=effect.tx_hash,
        block_number=effect.block_number,
        state=effect.state,
        at=effect.block_at,
    )


def _confirmations(effects: Sequence[EscrowEffect], *, head: int | None) -> int:
    """Return how many blocks stand behind the newest thing that is not final yet.

    When all is final, behind the deposit, else behind the deployment. One at least: what was found
    is in a block, though the head is noted only when all of that block was read.
    """
    there = [effect for effect in effects if effect.state != "orphaned"]
    for wanted in (
        [effect for effect in there if effect.state == "seen"],
        [effect for effect in there if effect.kind == "deposited"],
        [effect for effect in there if effect.kind == "created"],
    ):
        if wanted and head is not None:
            return max(1, head - wanted[-1].block_number + 1)
    return 0


def _deployed_by(session: Session, escrow_id: str, effects: Sequence[EscrowEffect]) -> str | None:
    """Return the transaction that made the contract: the one in a block, else the one sent last."""
    for effect in effects:
        if effect.kind == "created" and effect.state != "orphaned":
            return effect.tx_hash
    intent = session.scalars(
        select(ChainIntent).filter_by(kind="deploy", subject_id=escrow_id)
    ).first()
    if intent is None:
        return None
    if intent.mined_hash is not None:
        return intent.mined_hash
    sent = (
        select(ChainAttempt.tx_hash)
        .filter_by(intent_id=intent.id)
        .where(ChainAttempt.broadcast_at.is_not(None))
        .order_by(ChainAttempt.signed_at.desc())
        .limit(1)
    )
    return session.scalars(sent).first()
