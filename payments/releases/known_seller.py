"""Whether the platform knows a seller well enough for what is released to them."""

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.errors import ForbiddenError
from payments.kyc import KycThresholds
from payments.parties.tables import Party
from payments.releases.parts import OVER
from payments.releases.tables import Release

COUNTED = dt.timedelta(days=365)
"""What was released within a year counts together, or much would go out in small parts."""


def require_kyc(
    session: Session,
    seller_id: str,
    *,
    amount: int,
    asset: str,
    thresholds: KycThresholds,
    now: dt.datetime,
) -> None:
    """Refuse to release more than a seller's KYC level is enough for.

    `amount`, in minor units, comes on top of what was written down for them before. The seller is
    locked, so that two releases at once are counted one after the other.

    Raises:
        ForbiddenError: another level is needed (`kyc_required`).
    """
    seller = session.get_one(
        Party, seller_id, with_for_update={"key_share": True}, populate_existing=True
    )
    counted = select(func.coalesce(func.sum(Release.amount), 0)).where(
        Release.seller_id == seller_id,
        Release.currency == asset,
        Release.created_at > now - COUNTED,
        Release.status.not_in(OVER),
    )
    total = amount + int(session.scalars(counted).one())
    if not thresholds.suffice(seller.kyc_level, amount=total, asset=asset):
        needed = thresholds.needed(amount=total, asset=asset)
        detail = f"A release needs the KYC level `{needed}` at least of the seller {seller_id}."
        raise ForbiddenError(detail, code="kyc_required")
