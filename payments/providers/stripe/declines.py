"""Stripe's decline codes as a table: what to tell the payer and what they can do.

Codes: https://docs.stripe.com/declines/codes. For lost, stolen and suspicious cards the payer is
told no more than that the card was declined, as Stripe asks: they may be the thief.
"""

from payments.providers.facts import Failure

GENERIC_DECLINE = "generic_decline"

TRY_ANOTHER_CARD = "try_another_card"
CHECK_DETAILS = "check_card_details"
CONTACT_BANK = "contact_bank"
TRY_AGAIN = "try_again"
AUTHENTICATE = "authenticate"

_DECLINED = "The card was declined."
_BANK_KNOWS = "The card was declined; only the bank that issued it can say why."
_NOW_NOT_POSSIBLE = "The card could not be charged just now."

_TABLE: dict[str, tuple[str, str]] = {
    GENERIC_DECLINE: (_DECLINED, TRY_ANOTHER_CARD),
    "insufficient_funds": ("The card has insufficient funds.", TRY_ANOTHER_CARD),
    "card_velocity_exceeded": ("The card has reached its limit.", TRY_ANOTHER_CARD),
    "withdrawal_count_limit_exceeded": ("The card has reached its limit.", TRY_ANOTHER_CARD),
    "card_not_supported": ("This kind of card is not accepted here.", TRY_ANOTHER_CARD),
    "currency_not_supported": ("The card does not pay in this currency.", TRY_ANOTHER_CARD),
    "expired_card": ("The card has expired.", TRY_ANOTHER_CARD),
    "incorrect_number": ("The card number is not correct.", CHECK_DETAILS),
    "invalid_number": ("The card number is not correct.", CHECK_DETAILS),
    "incorrect_cvc": ("The card's security code is not correct.", CHECK_DETAILS),
    "invalid_cvc": ("The card's security code is not correct.", CHECK_DETAILS),
    "invalid_expiry_month": ("The card's expiry date is not correct.", CHECK_DETAILS),
    "invalid_expiry_year": ("The card's expiry date is not correct.", CHECK_DETAILS),
    "incorrect_zip": ("The postal code does not match the card.", CHECK_DETAILS),
    "incorrect_address": ("The address does not match the card.", CHECK_DETAILS),
    "call_issuer": (_BANK_KNOWS, CONTACT_BANK),
    "do_not_honor": (_BANK_KNOWS, CONTACT_BANK),
    "do_not_try_again": (_BANK_KNOWS, CONTACT_BANK),
    "invalid_account": (_BANK_KNOWS, CONTACT_BANK),
    "no_action_taken": (_BANK_KNOWS, CONTACT_BANK),
    "not_permitted": (_BANK_KNOWS, CONTACT_BANK),
    "service_not_allowed": (_BANK_KNOWS, CONTACT_BANK),
    "transaction_not_allowed": (_BANK_KNOWS, CONTACT_BANK),
    "issuer_not_available": (_NOW_NOT_POSSIBLE, TRY_AGAIN),
    "processing_error": (_NOW_NOT_POSSIBLE, TRY_AGAIN),
    "reenter_transaction": (_NOW_NOT_POSSIBLE, TRY_AGAIN),
    "try_again_later": (_NOW_NOT_POSSIBLE, TRY_AGAIN),
    "authentication_required": ("The bank asks you to confirm this payment.", AUTHENTICATE),
    "payment_intent_authentication_failure": (
        "The payment was not confirmed with the bank.",
        AUTHENTICATE,
    ),
}
_AUTHENTICATION_CODES = frozenset(
    {"authentication_required", "payment_intent_authentication_failure"}
)
_KEPT_FROM_THE_PAYER = frozenset(
    {
        "fraudulent",
        "highest_risk_level",
        "lost_card",
        "merchant_blacklist",
        "pickup_card",
        "restricted_card",
        "security_violation",
        "stolen_card",
        "stop_payment_order",
    }
)


def explain(*, code: str | None, decline_code: str | None) -> Failure:
    """Return what to tell the payer about a failed attempt."""
    stripe_code = decline_code or code or GENERIC_DECLINE
    if stripe_code in _KEPT_FROM_THE_PAYER:
        stripe_code = GENERIC_DECLINE
    message, next_step = _TABLE.get(stripe_code, _TABLE[GENERIC_DECLINE])
    unconfirmed = stripe_code in _AUTHENTICATION_CODES
    return Failure(
        code="authentication_failed" if unconfirmed else "card_declined",
        message=message,
        next_step=next_step,
        stripe_code=stripe_code,
    )
