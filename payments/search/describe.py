"""Tells of each kind of thing what a search shows of it; nothing personal, parties by id."""

from payments.chain.tables import ChainIntent
from payments.escrow.tables import Escrow
from payments.freezes.tables import Freeze
from payments.invoices.tables import Invoice
from payments.lifecycle.tables import BankReceipt, Dispute, Payment, Refund
from payments.manual_entries.tables import ManualEntry
from payments.orders.tables import Order
from payments.parties.tables import Party
from payments.payouts.tables import SellerPayout
from payments.reconciliation.tables import Finding, StatementLine
from payments.releases.tables import Release
from payments.search.found import Found
from payments.settlement.tables import Payout
from payments.webhooks.tables import InboxEvent


def order(row: Order) -> Found:
    """Tell of an order."""
    return Found(
        kind="order",
        id=row.id,
        title=f"Order of {row.buyer_id} from {row.seller_id}",
        state=row.status,
        at=row.created_at,
        amount=row.amount,
        asset=row.currency,
        order_id=row.id,
    )


def payment(row: Payment) -> Found:
    """Tell of a payment."""
    return Found(
        kind="payment",
        id=row.id,
        title=f"Payment by {row.rail} over {row.provider}",
        state=row.status,
        at=row.created_at,
        amount=row.amount,
        asset=row.currency,
        order_id=row.order_id,
        payment_id=row.id,
    )


def refund(row: Refund) -> Found:
    """Tell of a refund."""
    return Found(
        kind="refund",
        id=row.id,
        title=f"Refund of {row.payment_id}",
        state=row.status,
        at=row.created_at,
        amount=row.amount,
        asset=row.currency,
        payment_id=row.payment_id,
    )


def dispute(row: Dispute) -> Found:
    """Tell of a dispute."""
    return Found(
        kind="dispute",
        id=row.id,
        title=f"Dispute of {row.payment_id}",
        state=row.status,
        at=row.created_at,
        amount=row.amount,
        asset=row.currency,
        payment_id=row.payment_id,
    )


def receipt(row: BankReceipt) -> Found:
    """Tell of money that arrived at the bank."""
    return Found(
        kind="receipt",
        id=row.id,
        title=f"Money that arrived for {row.payment_id}",
        state=row.reason or "applied",
        at=row.occurred_at,
        amount=row.amount,
        asset=row.currency,
        payment_id=row.payment_id,
    )


def escrow(row: Escrow) -> Found:
    """Tell of an escrow."""
    return Found(
        kind="escrow",
        id=row.id,
        title=f"Escrow {row.contract_address} on {row.chain}",
        state=row.status,
        at=row.created_at,
        amount=row.amount,
        asset=row.asset,
        order_id=row.order_id,
        payment_id=row.payment_id,
        escrow_id=row.id,
    )


def release(row: Release) -> Found:
    """Tell of a release."""
    return Found(
        kind="release",
        id=row.id,
        title=f"Release to {row.seller_id}",
        state=row.status,
        at=row.created_at,
        amount=row.amount,
        asset=row.currency,
        order_id=row.order_id,
        payment_id=row.payment_id,
    )


def payout(row: SellerPayout) -> Found:
    """Tell of a payout to a seller."""
    return Found(
        kind="payout",
        id=row.id,
        title=f"Payout to {row.seller_id} over {row.provider}",
        state=row.status,
        at=row.created_at,
        amount=row.amount,
        asset=row.currency,
        order_id=row.order_id,
        payment_id=row.payment_id,
    )


def settlement(row: Payout) -> Found:
    """Tell of what a provider paid to our bank."""
    return Found(
        kind="settlement",
        id=row.id,
        title=f"Paid to our bank by {row.provider}",
        state=row.status,
        at=row.created_at,
        amount=row.amount,
        asset=row.currency,
    )


def invoice(row: Invoice) -> Found:
    """Tell of an invoice or credit note."""
    return Found(
        kind="invoice",
        id=row.id,
        title=f"{row.kind.replace('_', ' ').capitalize()} {row.number_text}",
        state="issued",
        at=row.issued_at,
        amount=row.amount,
        asset=row.currency,
        order_id=row.order_id,
    )


def event(row: InboxEvent) -> Found:
    """Tell of a provider's event."""
    return Found(
        kind="event",
        id=row.event_id,
        title=f"{row.event_type} of {row.provider}",
        state=row.standing,
        at=row.received_at,
    )


def intent(row: ChainIntent) -> Found:
    """Tell of what we send on chain."""
    return Found(
        kind="transaction",
        id=row.id,
        title=f"{row.kind} for {row.subject_id} on {row.chain}",
        state=row.state,
        at=row.created_at,
        amount=row.amount if row.asset else None,
        asset=row.asset,
    )


def line(row: StatementLine) -> Found:
    """Tell of a statement's line."""
    return Found(
        kind="statement_line",
        id=row.id,
        title=f"Line of {row.booked_on} on {row.account}",
        state=row.state,
        at=row.created_at,
        amount=row.amount,
        asset=row.currency,
    )


def finding(row: Finding) -> Found:
    """Tell of something that does not agree."""
    return Found(
        kind="finding",
        id=row.id,
        title=f"{row.kind} about {row.subject_id}",
        state=row.state,
        at=row.first_seen_at,
        amount=row.amount,
        asset=row.currency,
    )


def entry(row: ManualEntry) -> Found:
    """Tell of an entry that somebody asked for."""
    return Found(
        kind="journal_entry",
        id=row.id,
        title=f"Entry by hand ({row.kind})",
        state=row.status,
        at=row.created_at,
    )


def freeze(row: Freeze) -> Found:
    """Tell of a freeze."""
    return Found(
        kind="freeze",
        id=row.id,
        title=f"Freeze of {row.order_id or 'all releases'}",
        state=row.status,
        at=row.created_at,
        order_id=row.order_id,
    )


def party(row: Party) -> Found:
    """Tell of a party, by its id alone."""
    return Found(
        kind="party",
        id=row.id,
        title=f"Party, known as {row.kyc_level}",
        state="erased" if row.erased_at else "active",
        at=row.created_at,
    )
