"""PaymentIntents: created, looked up and canceled.

As described at https://docs.stripe.com/api/payment_intents.
"""

from sandbox.simulated.store import Transaction
from sandbox.stripe import events
from sandbox.stripe.account import Account, new_id, random_text
from sandbox.stripe.books import Books
from sandbox.stripe.events import Request
from sandbox.stripe.forms import Parameters, required_amount, required_currency
from sandbox.stripe.lists import page
from sandbox.stripe.payment_methods import from_token
from sandbox.stripe.refusals import Refusal, Resource, invalid, missing

AMOUNT_MAX = 99_999_999
_SMALLEST = {"usd": 50, "eur": 50, "gbp": 30, "jpy": 50, "chf": 50, "cad": 50, "aud": 50}
_CAPTURE_METHODS = ("automatic", "automatic_async", "manual")
_CANCELLATION_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
_CANCELABLE = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
    "processing",
)
_EMPTY_AT_FIRST = (
    "allowed_payment_method_types",
    "application",
    "application_fee_amount",
    "automatic_payment_methods",
    "canceled_at",
    "cancellation_reason",
    "customer",
    "customer_account",
    "description",
    "excluded_payment_method_types",
    "last_payment_error",
    "latest_charge",
    "next_action",
    "on_behalf_of",
    "payment_method",
    "payment_method_configuration_details",
    "processing",
    "receipt_email",
    "review",
    "setup_future_usage",
    "shipping",
    "source",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
)
_HIDDEN_FROM_BROWSERS = frozenset(
    [
        "allowed_payment_method_types",
        "amount_capturable",
        "amount_received",
        "application",
        "application_fee_amount",
        "customer",
        "customer_account",
        "excluded_payment_method_types",
        "latest_charge",
        "managed_payments",
        "metadata",
        "on_behalf_of",
        "payment_method_options",
        "review",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_data",
        "transfer_group",
    ]
)


def create(
    transaction: Transaction, account: Account, parameters: Parameters, request: Request
) -> Resource:
    """A new intent, in `requires_payment_method` (or `requires_confirmation` with a card)."""
    amount, currency = required_amount(parameters), required_currency(parameters)
    check_amount(amount, currency)
    intent = _new_intent(account, amount, currency)
    intent["capture_method"] = (
        parameters.text("capture_method", choices=_CAPTURE_METHODS) or "automatic_async"
    )
    intent["metadata"] = parameters.metadata()
    for name in ("description", "receipt_email", "transfer_group", "statement_descriptor"):
        intent[name] = parameters.text(name)
    intent["statement_descriptor_suffix"] = parameters.text("statement_descriptor_suffix")
    _choose_payment_methods(intent, parameters)
    token = parameters.text("payment_method")
    parameters.refuse_rest()
    if token is not None:
        intent["payment_method"] = from_token(transaction, account, token)["id"]
        intent["status"] = "requires_confirmation"
    transaction.put(intent)
    events.record(transaction, account, "payment_intent.created", intent, request)
    return intent


def check_amount(amount: int, currency: str) -> None:
    """Refuse an amount that Stripe does not charge."""
    smallest = _SMALLEST.get(currency, 1)
    if amount < 1:
        raise invalid("amount", "Invalid positive integer", code="parameter_invalid_integer")
    if amount < smallest:
        raise invalid(
            "amount",
            f"Amount must be at least {smallest} of the smallest unit of {currency}",
            code="amount_too_small",
        )
    if amount > AMOUNT_MAX:
        raise invalid("amount", "Amount must have at most 8 digits", code="amount_too_large")


def _choose_payment_methods(intent: Resource, parameters: Parameters) -> None:
    if parameters.texts("payment_method_types"):
        # https://docs.stripe.com/changelog/endive: removed with API version 2026-09-30.
        raise invalid(
            "payment_method_types",
            "payment_method_types is no longer supported: use allowed_payment_method_types.",
            code="payment_method_types_no_longer_supported",
        )
    allowed = parameters.texts("allowed_payment_method_types")
    automatic = parameters.group("automatic_payment_methods")
    if automatic is not None and allowed:
        raise invalid(
            "allowed_payment_method_types",
            "You may only specify one of these parameters: "
            "automatic_payment_methods, allowed_payment_method_types.",
        )
    if allowed:
        if "card" not in allowed:
            raise invalid("allowed_payment_method_types", "The simulated Stripe takes cards only")
        intent["allowed_payment_method_types"] = allowed
        return
    enabled, redirects = True, "always"
    if automatic is not None:
        enabled = bool(automatic.flag("enabled"))
        redirects = automatic.text("allow_redirects", choices=("always", "never")) or "always"
        automatic.refuse_rest()
    if enabled:
        intent["automatic_payment_methods"] = {"allow_redirects": redirects, "enabled": True}
        intent["payment_method_configuration_details"] = {"id": "pmc_sandbox", "parent": None}


def _new_intent(account: Account, amount: int, currency: str) -> Resource:
    identifier = new_id("pi")
    return {
        "id": identifier,
        "object": "payment_intent",
        **dict.fromkeys(_EMPTY_AT_FIRST),
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": f"{identifier}_secret_{random_text(25)}",
        "confirmation_method": "automatic",
        "created": account.created,
        "currency": currency,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }


def retrieve(transaction: Transaction, intent_id: str) -> Resource:
    """One intent, or Stripe's 404."""
    intent = transaction.get(intent_id, kind="payment_intent")
    if intent is None:
        raise missing("payment_intent", intent_id, param="intent")
    return intent


def list_intents(transaction: Transaction, parameters: Parameters) -> Resource:
    """The newest intents first, filtered by the time they were created."""
    return page(transaction, parameters, "payment_intent", "/v1/payment_intents")


def public_view(intent: Resource) -> Resource:
    """What a browser with the publishable key and the client secret may see."""
    return {name: value for name, value in intent.items() if name not in _HIDDEN_FROM_BROWSERS}


def cancel(
    transaction: Transaction,
    account: Account,
    intent_id: str,
    parameters: Parameters,
    request: Request,
) -> Resource:
    """Give the intent up, for good; refused once it has succeeded or was canceled."""
    intent = retrieve(transaction, intent_id)
    reason = parameters.text("cancellation_reason", choices=_CANCELLATION_REASONS)
    parameters.refuse_rest()
    if intent["status"] not in _CANCELABLE:
        raise unexpected_state(intent, "cancel")
    intent.update(
        status="canceled",
        canceled_at=account.created,
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
    )
    books = Books(transaction, account, request)
    if intent["latest_charge"] is not None:
        _release(books, books.find("charge", intent["latest_charge"]))
    books.keep(intent, "payment_intent.canceled")
    return intent


def _release(books: Books, charge: Resource) -> None:
    """Let go of what the card's bank holds; a declined charge holds nothing."""
    if charge["paid"] and not charge["captured"]:
        charge.update(amount_refunded=charge["amount"], refunded=True)
        books.keep(charge, "charge.refunded")


def unexpected_state(intent: Resource, verb: str) -> Refusal:
    """400 for something that cannot be done to an intent in its present status."""
    return Refusal(
        400,
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        extra={"payment_intent": intent},
    )
