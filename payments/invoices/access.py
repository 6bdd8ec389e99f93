"""Who may see the documents of an order, and the record of who did.

Buyer and seller see their own, and the platform's backend all. Finance, support and admin say why,
and that is kept. To everybody else there is nothing here.
"""

import datetime as dt
import unicodedata
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from payments.access.caller import Caller, Role
from payments.errors import InvalidRequestError, NotFoundError
from payments.invoices.access_table import InvoiceAccess
from payments.log_lines import get_logger
from payments.orders.tables import Order
from payments.privacy.redaction import holds_card_number

Way = Literal["session", "key", "token", "link"]

LONGEST_REASON = 500
_SHORTEST_REASON = 3
_BREAKS = "\u2028\u2029"
_SAY_WHY = frozenset({Role.FINANCE, Role.SUPPORT, Role.ADMIN})
_SEE_ALL = _SAY_WHY | {Role.SERVICE}

_log = get_logger(__name__)


@dataclass(frozen=True)
class Viewer:
    """Who looks, how they proved who they are, and the reason they gave."""

    caller: Caller
    way: Way
    reason: str | None = None


def check_access(session: Session, viewer: Viewer, *, order_id: str) -> None:
    """Return when the viewer may see the order's documents.

    Raises:
        NotFoundError: there is no such order, or its documents are not the caller's to see.
        InvalidRequestError: staff gave no reason (`reason_required`), or one that says nothing.
    """
    order = session.get(Order, order_id)
    if order is None or not _may_see(viewer.caller, order):
        raise NotFoundError("There is no such order.")
    if viewer.caller.role in _SAY_WHY:
        _check(viewer.reason)


def record_access(
    session: Session,
    viewer: Viewer,
    *,
    order_id: str,
    invoice_id: str | None = None,
    now: dt.datetime,
) -> InvoiceAccess:
    """Record that the viewer sees a document, in the transaction that shows it to them."""
    row = InvoiceAccess(
        order_id=order_id,
        invoice_id=invoice_id,
        principal=viewer.caller.principal,
        role=viewer.caller.role.value,
        way=viewer.way,
        reason=(viewer.reason or "").strip() if viewer.caller.role in _SAY_WHY else None,
        at=now,
    )
    session.add(row)
    session.flush()
    _log.info(
        "invoice_seen",
        order_id=order_id,
        invoice_id=invoice_id,
        principal=row.principal,
        role=row.role,
        way=row.way,  # the reason is text about somebody, and no log's business
    )
    return row


def _may_see(caller: Caller, order: Order) -> bool:
    if caller.is_person:
        return caller.may_see(order.buyer_id, order.seller_id)
    return caller.role in _SEE_ALL


def _check(reason: str | None) -> None:
    text = (reason or "").strip()
    if not text:
        raise InvalidRequestError(
            "Say why you look at this document: it holds personal data.",
            errors={"reason": ["Send the header X-Access-Reason, or `reason`."]},
            code="reason_required",
        )
    printable = not any(unicodedata.category(c)[0] == "C" or c in _BREAKS for c in text)
    if holds_card_number(text):
        told = "This looks like a card number; card data must never be sent to us."
        raise InvalidRequestError("The reason is not valid.", errors={"reason": [told]})
    if not printable or not _SHORTEST_REASON <= len(text) <= LONGEST_REASON:
        told = f"Use {_SHORTEST_REASON} to {LONGEST_REASON} printable characters."
        raise InvalidRequestError("The reason is not valid.", errors={"reason": [told]})
