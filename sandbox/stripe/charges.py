"""Charges, and the balance transactions that say what Stripe keeps of them."""

from typing import Any

from sandbox.stripe.account import Account, new_id
from sandbox.stripe.cards import Decline
from sandbox.stripe.payment_methods import billing_details
from sandbox.stripe.refusals import Resource, missing
from sandbox.stripe.store import Transaction

FEE_FIXED = 25
_FEE_PER_MILLE = 15
_SETTLEMENT_S = 2 * 24 * 3600


def fee_on(amount: int) -> int:
    """Stripe's fee in minor units: 1.5 % rounded half up, plus 25."""
    return (amount * _FEE_PER_MILLE + 500) // 1000 + FEE_FIXED


def new_charge(
    account: Account,
    intent: Resource,
    payment_method: Resource,
    *,
    decline: Decline | None,
    capture: bool,
) -> Resource:
    """The attempt to take the intent's amount from a card: succeeded, reserved or failed."""
    captured = decline is None and capture
    return {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": payment_method["billing_details"] or billing_details(),
        "calculated_statement_descriptor": "STRONGROOM SANDBOX" if decline is None else None,
        "captured": captured,
        "created": account.created,
        "currency": intent["currency"],
        "customer": None,
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None if decline is None else decline.code,
        "failure_message": None if decline is None else decline.message,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": decline is None,
        "payment_intent": intent["id"],
        "payment_method": payment_method["id"],
        "payment_method_details": _method_details(
            payment_method, amount=intent["amount"], authorized=decline is None
        ),
        **_unused_fields(intent),
        "status": "succeeded" if decline is None else "failed",
    }


def _unused_fields(intent: Resource) -> Resource:
    return {
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "refunds": {"object": "list", "data": [], "has_more": False, "url": "/v1/refunds"},
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def _outcome(decline: Decline | None) -> Resource:
    approved = decline is None
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None if approved else "05",
        "network_status": "approved_by_network" if approved else "declined_by_network",
        "reason": None if decline is None else decline.decline_code,
        "risk_level": "normal",
        "seller_message": "Payment complete." if approved else "The issuer declined the payment.",
        "type": "authorized" if approved else "issuer_declined",
    }


def _method_details(payment_method: Resource, *, amount: int, authorized: bool) -> Resource:
    card: dict[str, Any] = payment_method["card"]
    shared = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    return {
        "card": {
            **{name: card[name] for name in (*shared, "last4", "wallet", "regulated_status")},
            "amount_authorized": amount if authorized else None,
            "authorization_code": None,
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": None,
            "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
            "three_d_secure": None,
            "transaction_link_id": None,
        },
        "type": "card",
    }


def settle(transaction: Transaction, account: Account, charge: Resource) -> Resource:
    """Book a captured charge to the account's balance; the balance transaction."""
    fee = fee_on(charge["amount_captured"])
    booked: Resource = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": charge["amount_captured"],
        "available_on": account.created + _SETTLEMENT_S,
        "balance_type": "payments",
        "created": account.created,
        "currency": charge["currency"],
        "description": charge["description"],
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [
            {
                "amount": fee,
                "application": None,
                "currency": charge["currency"],
                "description": "Stripe processing fees",
                "type": "stripe_fee",
            }
        ],
        "net": charge["amount_captured"] - fee,
        "reporting_category": "charge",
        "source": charge["id"],
        "status": "pending",
        "type": "charge",
    }
    transaction.put(booked)
    charge["balance_transaction"] = booked["id"]
    transaction.put(charge)
    return booked


def retrieve_charge(transaction: Transaction, charge_id: str) -> Resource:
    """One charge, or Stripe's 404."""
    charge = transaction.get(charge_id, kind="charge")
    if charge is None:
        raise missing("charge", charge_id)
    return charge


def retrieve_balance_transaction(
    transaction: Transaction, account: Account, balance_transaction_id: str
) -> Resource:
    """One balance transaction; `pending` until the day its money is available."""
    booked = transaction.get(balance_transaction_id, kind="balance_transaction")
    if booked is None:
        raise missing("balance transaction", balance_transaction_id)
    if booked["available_on"] <= account.created:
        booked["status"] = "available"
    return booked
