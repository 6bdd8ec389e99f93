"""Erases a person's data on their wish (GDPR, Article 17), as far as the law lets go of it.

The ledger, orders, payments and the numbers of invoices stay: they name an id that leads to nobody
any more. What issued invoices and bank statements say stays until its time is over, too, since
the law wants it kept (Article 17(3)(b)); see `retention.py`.
"""

import datetime as dt

from sqlalchemy import or_, select, text, update
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.access.end_access import end_access
from payments.accounting.chart_of_accounts import order_escrow, seller_debt, seller_payable
from payments.at_rest.tables import Erasure
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.invoices.tables import ProForma
from payments.lifecycle.tables import Payment
from payments.orders.tables import Order
from payments.parties.create_party import OPERATION as CREATE_PARTY
from payments.parties.tables import Party
from payments.parties.view import PERSONAL_FIELDS, PartyView, view_party
from payments.payouts.propose_destination import OPERATION as PROPOSE_DESTINATION
from payments.payouts.tables import PayoutDestination
from payments.privacy.encryption import FieldCipher

OPERATION = "parties.erase"
GONE = "erased"


def erase_party(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    party_id: str,
    reason: str,
    now: dt.datetime,
    cipher: FieldCipher,
) -> Answered[PartyView]:
    """Erase what is kept of a party, once per reference; orders nobody paid are canceled.

    Raises:
        NotFoundError: there is no such party.
        InvalidRequestError: there is no reason.
        ConflictError: `party_in_use`: money is still under way, or owed; `detail` says what. Or
            the party was erased before.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    if not reason.strip():
        raise InvalidRequestError("A reason is missing.", errors={"reason": ["Say why."]})
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"party_id": party_id}),
        now=now,
    )
    if claim.replayed_id is not None:
        party = session.get_one(Party, party_id)
        return Answered(view_party(party, cipher=cipher), replayed=True)
    found = session.get(Party, party_id, with_for_update=True)
    if found is None:
        raise NotFoundError("There is no such party.")
    if found.erased_at is not None:
        raise ConflictError("The party is erased already.")
    _lock_open_orders(session, party_id)
    _refuse_open(session, party_id)
    _erase_row(found, now=now)
    _erase_elsewhere(session, party_id)
    end_access(session, party_id=party_id, by=caller.person, now=now)
    erasure = Erasure(
        id=new_id("ers", now=now),
        party_id=party_id,
        reason=reason.strip(),
        erased_by=caller.person,
        erased_at=now,
    )
    session.add(erasure)
    session.flush()
    idempotency.finish(session, claim, resource_id=erasure.id, now=now)
    return Answered(view_party(found, cipher=cipher), replayed=False)


def _lock_open_orders(session: Session, party_id: str) -> None:
    """Let no payment begin between the look at what is under way and the end of the orders."""
    theirs = or_(Order.buyer_id == party_id, Order.seller_id == party_id)
    found = select(Order.id).where(theirs, Order.status == "open").order_by(Order.id)
    session.execute(found.with_for_update(key_share=True))


def _refuse_open(session: Session, party_id: str) -> None:
    """Refuse while the platform or somebody else needs to know who the party is.

    Raises:
        ConflictError: so it is.
    """
    paths = {
        "party_id": party_id,
        "order_path": order_escrow("", "EUR").path,
        "payable_path": seller_payable(party_id, "EUR").path,
        "debt_path": seller_debt(party_id, "EUR").path,
    }
    found = [row for row in session.execute(_OPEN, paths) if row.open]
    if found:
        named = ", ".join(f"{row.open} {row.what}" for row in found)
        raise ConflictError(f"The party is still needed: {named}.", code="party_in_use")


def _erase_row(party: Party, *, now: dt.datetime) -> None:
    for field in PERSONAL_FIELDS:
        setattr(party, f"{field}_encrypted", None)
    party.email_index = party.country = None
    party.kyc_level = "none"
    party.erased_at = party.updated_at = now


def _erase_elsewhere(session: Session, party_id: str) -> None:
    destinations = session.scalars(
        update(PayoutDestination)
        .where(PayoutDestination.party_id == party_id)
        .values(destination_encrypted=None, hint=GONE)
        .returning(PayoutDestination.id)
    ).all()
    orders = select(Order.id).where(or_(Order.buyer_id == party_id, Order.seller_id == party_id))
    session.execute(
        update(Order).where(Order.id.in_(orders), Order.status == "open").values(status="canceled")
    )
    session.execute(
        update(Payment)
        .where(Payment.order_id.in_(orders))
        .values(client_secret_encrypted=None, checkout_url_encrypted=None, link_url_encrypted=None)
    )
    session.execute(
        update(ProForma)
        .where(ProForma.order_id.in_(orders))
        .values(content_encrypted=None, made_at=None)
    )
    # What a reference's fingerprint was computed from was personal data.
    idempotency.forget_fingerprints(session, operation=CREATE_PARTY, resource_ids=[party_id])
    idempotency.forget_fingerprints(
        session, operation=PROPOSE_DESTINATION, resource_ids=destinations
    )


_OPEN = text("""
WITH theirs AS (
  SELECT id, currency FROM strongroom.orders WHERE :party_id IN (buyer_id, seller_id)
), paid AS (
  SELECT p.id, p.status FROM strongroom.payments p JOIN theirs ON theirs.id = p.order_id
)
SELECT 'payments under way' AS what, count(*) AS open FROM paid
 WHERE status IN ('created', 'requires_action', 'processing')
UNION ALL
SELECT 'disputes', count(*) FROM strongroom.disputes d JOIN paid ON paid.id = d.payment_id
 WHERE d.status IN ('warning', 'open')
UNION ALL
SELECT 'refunds under way', count(*) FROM strongroom.refunds r JOIN paid ON paid.id = r.payment_id
 WHERE r.status = 'pending'
UNION ALL
SELECT 'receipts that wait to go back', count(*)
  FROM strongroom.bank_receipts b JOIN paid ON paid.id = b.payment_id
 WHERE b.amount_applied + b.amount_returned < b.amount
UNION ALL
SELECT 'escrows', count(*) FROM strongroom.escrows e JOIN theirs ON theirs.id = e.order_id
 WHERE e.status NOT IN ('closed', 'expired', 'failed')
UNION ALL
SELECT 'releases', count(*) FROM strongroom.releases r JOIN theirs ON theirs.id = r.order_id
 WHERE r.status NOT IN ('posted', 'failed', 'canceled')
UNION ALL
SELECT 'payouts', count(*) FROM strongroom.seller_payouts WHERE seller_id = :party_id
   AND status <> 'paid'
UNION ALL
SELECT 'documents to be written', count(*)
  FROM strongroom.documents_due d JOIN theirs ON theirs.id = d.order_id
UNION ALL
SELECT 'orders whose money is held', count(*)
  FROM theirs JOIN ledger.accounts a ON a.path = :order_path || theirs.id
 WHERE ledger.balance_now(a.id) <> 0
UNION ALL
SELECT 'balances owed', count(*) FROM ledger.accounts a
 WHERE a.path IN (:payable_path, :debt_path) AND ledger.balance_now(a.id) <> 0
""")
