"""Whether an order may be paid into an escrow: its asset, its parties, and what is open for it."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.chain_settings import ChainSettings
from payments.errors import ConflictError, ForbiddenError, StrongroomError, UnavailableError
from payments.escrow.tables import Escrow
from payments.escrow.terms import choose_chain
from payments.intake.payable_order import PayableOrder
from payments.kyc import KycThresholds
from payments.log_lines import get_logger
from payments.parties.tables import Party
from payments.payouts.destinations import active_address
from payments.privacy.encryption import FieldCipher
from payments.providers.chain_port import ChainPort

OVER = ("closed", "expired", "failed")
"""An escrow that stands so keeps no other from being made for its order."""

_log = get_logger(__name__)


def prepare_chain(
    chains: Mapping[str, ChainSettings],
    ports: Mapping[str, ChainPort],
    *,
    chain: str | None,
    asset: str,
) -> UnavailableError | None:
    """Have the chain's factory checked, outside of any transaction; return why it could not be."""
    try:
        name = choose_chain(chains, chain=chain, asset=asset).name
    except StrongroomError:
        return None  # told where it is its turn
    try:
        ports[name].check_contracts()
    except UnavailableError as error:
        _log.warning("chain_not_ready", chain=name, error=error.detail)
        return UnavailableError(f"The chain {name} cannot be used now.")
    return None


def refuse_other_escrow(session: Session, order: PayableOrder) -> None:
    """Let an order have one escrow at a time; the order is locked.

    Raises:
        ConflictError: one is open for it (`payment_in_progress`).
    """
    found = select(Escrow.id).where(Escrow.order_id == order.id, Escrow.status.not_in(OVER))
    other = session.scalars(found).first()
    if other is not None:
        detail = f"The escrow {other} is open for this order; pay into that."
        raise ConflictError(detail, code="payment_in_progress")


def refuse_other_asset(order: PayableOrder, asset: str) -> None:
    """Let an escrow hold what its order is priced in.

    Raises:
        ConflictError: it is another asset (`asset_not_order_currency`).
    """
    if asset != order.currency:
        fault = f"The order is in {order.currency}: use {order.currency}."
        raise ConflictError(
            "An escrow holds the order's own currency.",
            code="asset_not_order_currency",
            errors={"asset": [fault]},
        )


def require_kyc(session: Session, order: PayableOrder, *, thresholds: KycThresholds) -> None:
    """Let only parties in whom the platform knows well enough for the order's amount.

    Raises:
        ForbiddenError: the KYC level of one is too low (`kyc_required`).
    """
    parties = {"buyer": order.buyer_id, "seller": order.seller_id}
    known = {
        party_id: session.get_one(Party, party_id, populate_existing=True).kyc_level
        for party_id in parties.values()
    }
    unknown = [
        f"the {role} {party_id}"
        for role, party_id in parties.items()
        if not thresholds.suffice(known[party_id], amount=order.amount, asset=order.currency)
    ]
    if unknown:
        needed = thresholds.needed(amount=order.amount, asset=order.currency)
        detail = f"An escrow needs the KYC level `{needed}` at least of {' and '.join(unknown)}."
        raise ForbiddenError(detail, code="kyc_required")


def addresses_of(
    session: Session, order: PayableOrder, chain: str, *, cipher: FieldCipher, now: dt.datetime
) -> tuple[str, str]:
    """Return where buyer and seller are paid on the chain.

    Raises:
        ConflictError: one of them has no address in force there (`payout_address_missing`).
    """
    parties = {"buyer": order.buyer_id, "seller": order.seller_id}
    found = {
        role: active_address(session, party_id=party_id, chain=chain, cipher=cipher, now=now)
        for role, party_id in parties.items()
    }
    lacking = [f"the {role} {parties[role]}" for role, address in found.items() if not address]
    if lacking:
        detail = f"There is no address in force on {chain} of {' and '.join(lacking)}."
        raise ConflictError(detail, code="payout_address_missing")
    return found["buyer"] or "", found["seller"] or ""
