"""A release as callers and live events show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from payments.chain import intents
from payments.chain_settings import ChainSettings
from payments.escrow.chain_head import read_head
from payments.escrow.tables import Escrow, EscrowEffect
from payments.lifecycle.view import rfc_3339
from payments.payouts.read_payouts import payout_of
from payments.releases.tables import Release


@dataclass(frozen=True)
class TransactionView:
    """The transaction that releases it; `required` is None where the chain says what is final."""

    hash: str
    confirmations: int
    required: int | None

    def as_json(self) -> dict[str, Any]:
        """Return it as the API writes it."""
        return {
            "hash": self.hash,
            "confirmations": self.confirmations,
            "required_confirmations": self.required,
        }


@dataclass(frozen=True)
class ReleaseView:
    """A release; amounts in minor units of its currency."""

    row: Release
    transaction: TransactionView | None
    payout: Mapping[str, str] | None

    @property
    def id(self) -> str:
        """Our id of it."""
        return self.row.id

    @property
    def status(self) -> str:
        """Where it stands."""
        return self.row.status

    def as_json(self) -> dict[str, Any]:
        """Return the release as the API writes it: amounts as digits, times in RFC 3339."""
        row = self.row
        failure = {"code": row.failure_code, "message": row.failure_message}
        canceled = {"by": row.canceled_by, "reason": row.cancel_reason}
        return {
            "id": row.id,
            "order_id": row.order_id,
            "escrow_id": row.escrow_id,
            "payment_id": row.payment_id,
            "seller_id": row.seller_id,
            "amount": str(row.amount),
            "currency": row.currency,
            "platform_fee": str(row.platform_fee),
            "tax": str(row.tax),
            "set_off": str(row.set_off),
            "seller_amount": str(seller_amount(row)),
            "status": row.status,
            "needs_approval": row.needs_approval,
            "requested_by": row.requested_by,
            "approved_by": row.approved_by,
            "failure": None if row.failure_code is None else failure,
            "canceled": None if row.canceled_by is None else canceled,
            "transaction": None if self.transaction is None else self.transaction.as_json(),
            "payout": None if self.payout is None else dict(self.payout),
            "created_at": rfc_3339(row.created_at),
            "updated_at": rfc_3339(row.updated_at),
        }


def seller_amount(row: Release) -> int:
    """Return what the seller is paid: on chain all of it, fee and tax being their debt then."""
    if row.escrow_id is not None:
        return row.amount
    return row.amount - row.platform_fee - row.tax - row.set_off


def view_release(
    session: Session, row: Release, *, chains: Mapping[str, ChainSettings]
) -> ReleaseView:
    """Return a release with its transaction and its payout, as the database knows them."""
    payout = payout_of(session, row.id)
    return ReleaseView(
        row=row,
        transaction=_transaction_of(session, row, chains=chains),
        payout=None if payout is None else {"id": payout.id, "status": payout.status},
    )


def _transaction_of(
    session: Session, row: Release, *, chains: Mapping[str, ChainSettings]
) -> TransactionView | None:
    if row.escrow_id is None:
        return None
    chain = session.get_one(Escrow, row.escrow_id).chain
    tx_hash, block, state = _seen(session, row) or (_sent(session, row), None, None)
    if tx_hash is None:
        return None
    head = read_head(session, chain)
    confirmations = 0 if block is None or head is None else max(1, head - block + 1)
    settings = chains.get(chain)
    required = None if settings is None else settings.confirmations
    if not isinstance(required, int):
        return TransactionView(tx_hash, confirmations, None)
    # What is told with the booking is told before the chain's head is written down.
    least = required if state == "final" else 0
    return TransactionView(tx_hash, max(confirmations, least), required)


def _seen(session: Session, row: Release) -> tuple[str, int, str] | None:
    """Return the transaction that the chain shows, its block, and whether that is final."""
    found = (
        select(EscrowEffect.tx_hash, EscrowEffect.block_number, EscrowEffect.state)
        .where(
            EscrowEffect.escrow_id == row.escrow_id,
            # What is not final yet does not say whose it is; its key has our operation's number.
            or_(
                EscrowEffect.subject_id == row.id,
                and_(
                    EscrowEffect.subject_id.is_(None),
                    EscrowEffect.key == f"released:{row.operation_id}",
                ),
            ),
            EscrowEffect.state != "orphaned",
        )
        .limit(1)
    )
    seen = session.execute(found).first()
    return None if seen is None else (seen.tx_hash, seen.block_number, seen.state)


def _sent(session: Session, row: Release) -> str | None:
    intent = intents.find_for(session, kind="release", subject_id=row.id)
    attempt = None if intent is None else intents.newest_attempt(session, intent)
    return None if attempt is None else attempt.tx_hash
