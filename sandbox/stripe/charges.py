"""Charges, and what Stripe keeps of them."""

from typing import Any

from sandbox.simulated.store import Transaction
from sandbox.stripe import balance
from sandbox.stripe.account import Account, new_id
from sandbox.stripe.balance import Movement
from sandbox.stripe.books import Books
from sandbox.stripe.cards import Decline, card_for_fingerprint
from sandbox.stripe.events import BY_ITSELF
from sandbox.stripe.forms import Parameters
from sandbox.stripe.lists import page
from sandbox.stripe.payment_methods import billing_details
from sandbox.stripe.refusals import Resource, missing

FEE_FIXED = 25
_FEE_PER_MILLE = 15
SETTLEMENT_S = 2 * 24 * 3600
DISPUTED_LATER = ("fraudulent", "product_not_received", "inquiry")


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
        "refunds": None,
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
    """Book a captured charge to the account's balance; the balance transaction.

    The test cards that are disputed after they were charged have that happen in a moment.
    """
    books = Books(transaction, account, BY_ITSELF)
    sequel = sequel_of(charge)
    delay_s = 0 if sequel == "available_at_once" else transaction.knob("settlement_s", SETTLEMENT_S)
    movement = Movement(
        kind="charge",
        category="charge",
        amount=charge["amount_captured"],
        currency=charge["currency"],
        source=charge["id"],
        available_on=account.created + delay_s,
        description=charge["description"],
        fee=fee_on(charge["amount_captured"]),
        fee_description="Stripe processing fees",
    )
    booked = balance.book(books, movement)
    charge["balance_transaction"] = booked["id"]
    transaction.put(charge)
    if sequel in DISPUTED_LATER:
        books.put_off(charge["id"])
    return booked


def sequel_of(charge: Resource) -> str | None:
    """What the charge's test card has happen afterwards."""
    return card_for_fingerprint(charge["payment_method_details"]["card"]["fingerprint"]).sequel


def retrieve_charge(transaction: Transaction, charge_id: str) -> Resource:
    """One charge, or Stripe's 404."""
    charge = transaction.get(charge_id, kind="charge")
    if charge is None:
        raise missing("charge", charge_id)
    return charge


def list_charges(transaction: Transaction, parameters: Parameters) -> Resource:
    """The newest charges first, optionally those of one intent."""
    return page(
        transaction, parameters, "charge", "/v1/charges", equal=("payment_intent", "transfer_group")
    )
