"""Whether something may be released just now."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from payments.errors import ConflictError
from payments.freezes.tables import Freeze
from payments.standstill.standing import standing_still


def covering(session: Session, order_id: str) -> Freeze | None:
    """Return a freeze in force that covers the order, the widest and oldest first.

    A restored database is frozen as a whole, which no row of this table says. Share the releases
    lock first, or the answer is old before it is used.
    """
    stands = standing_still(session)
    if stands is not None:
        return Freeze(id=stands, scope="all", reason="This database was restored.")
    covers = or_(Freeze.scope == "all", Freeze.order_id == order_id)
    found = select(Freeze).where(Freeze.lifted_at.is_(None), covers)
    return session.scalars(found.order_by(Freeze.scope, Freeze.id).limit(1)).one_or_none()


def refuse_while_frozen(session: Session, order_id: str) -> None:
    """Refuse a release of the order while it is frozen.

    Raises:
        ConflictError: it is (`releases_frozen`).
    """
    freeze = covering(session, order_id)
    if freeze is not None:
        what = "Releases are" if freeze.scope == "all" else "The releases of this order are"
        raise ConflictError(f"{what} frozen ({freeze.id}).", code="releases_frozen")
