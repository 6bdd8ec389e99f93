"""What a Checkout Session is asked to be, read and checked, and how it looks when it is new."""

from sandbox.stripe.forms import Parameters, required_currency
from sandbox.stripe.payment_intents import check_amount
from sandbox.stripe.refusals import Resource, invalid, parameter_missing

LINES = "lines"
_LIFETIME_MIN_S = 30 * 60
_LIFETIME_MAX_S = 24 * 60 * 60
_EMPTY_AT_FIRST = (
    "adaptive_pricing",
    "after_expiration",
    "allow_promotion_codes",
    "allowed_payment_method_types",
    "billing_address_collection",
    "client_secret",
    "collected_information",
    "consent",
    "consent_collection",
    "currency_conversion",
    "customer",
    "customer_account",
    "customer_creation",
    "customer_details",
    "discounts",
    "excluded_payment_method_types",
    "integration_identifier",
    "invoice",
    "invoice_creation",
    "origin_context",
    "payment_intent",
    "payment_link",
    "payment_method_configuration_details",
    "permissions",
    "recovered_from",
    "saved_payment_method_options",
    "setup_intent",
    "shipping_address_collection",
    "shipping_cost",
    "subscription",
    "wallet_options",
)


def read_lines(parameters: Parameters) -> list[Resource]:
    """The lines to be paid; at least one, each priced here rather than by a product at Stripe."""
    lines = [_line(group) for group in parameters.groups("line_items")]
    if not lines:
        raise parameter_missing("line_items")
    if len({line["currency"] for line in lines}) > 1:
        raise invalid("line_items", "All line items of a Checkout Session have one currency.")
    return lines


def _line(line: Parameters) -> Resource:
    price = line.group("price_data")
    quantity = line.integer("quantity") or 0
    line.refuse_rest()
    if price is None:
        raise parameter_missing("line_items[][price_data]")
    if quantity < 1:
        raise parameter_missing("line_items[][quantity]")
    currency, unit_amount = required_currency(price), price.integer("unit_amount")
    product = price.group("product_data")
    price.refuse_rest()
    name = product.text("name") if product is not None else None
    about = product.text("description") if product is not None else None
    if name is None or unit_amount is None or unit_amount < 0:
        raise parameter_missing("line_items[][price_data]")
    return {
        "name": name,
        "description": about,
        "quantity": quantity,
        "currency": currency,
        "amount": unit_amount * quantity,
    }


def read_session(parameters: Parameters, lines: list[Resource], *, created: int) -> Resource:
    """A new session without id and address; only payments that happen once are simulated."""
    if parameters.text("mode", choices=("payment",)) is None:
        raise parameter_missing("mode")
    parameters.text("ui_mode", choices=("hosted_page",))
    allowed = parameters.texts("allowed_payment_method_types")
    if allowed and "card" not in allowed:
        raise invalid("allowed_payment_method_types", "The simulated Stripe takes cards only")
    success_url = parameters.text("success_url")
    if success_url is None:
        raise parameter_missing("success_url")
    total = sum(line["amount"] for line in lines)
    check_amount(total, lines[0]["currency"])
    return {
        "object": "checkout.session",
        **dict.fromkeys(_EMPTY_AT_FIRST),
        "allowed_payment_method_types": allowed or None,
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": parameters.text("cancel_url"),
        "client_reference_id": parameters.text("client_reference_id"),
        "created": created,
        "currency": lines[0]["currency"],
        "custom_fields": [],
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "customer_email": parameters.text("customer_email"),
        "expires_at": _expiry(parameters, created),
        "livemode": False,
        "locale": parameters.text("locale"),
        "managed_payments": {"enabled": False},
        "metadata": parameters.metadata(),
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "submit_type": parameters.text("submit_type", choices=("auto", "pay", "book", "donate")),
        "success_url": success_url,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
    }


def _expiry(parameters: Parameters, created: int) -> int:
    given = parameters.integer("expires_at")
    if given is None:
        return created + _LIFETIME_MAX_S
    if not _LIFETIME_MIN_S <= given - created <= _LIFETIME_MAX_S:
        raise invalid(
            "expires_at", "expires_at must be between 30 minutes and 24 hours from creation"
        )
    return given
