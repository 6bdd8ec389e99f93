"""Stripe's decline codes as a table: what to tell the payer, who must act, and what to do next.

Codes: https://docs.stripe.com/declines/codes, and the errors of https://docs.stripe.com/error-codes
that a payer can cause. For lost, stolen and suspicious cards the payer is told no more than that
the card was declined, as Stripe asks: they may be the thief.
"""

from dataclasses import dataclass
from enum import StrEnum

from payments.log_lines import get_logger
from payments.providers.facts import Failure

GENERIC_DECLINE = "generic_decline"

_log = get_logger(__name__)


class Actor(StrEnum):
    """Who must act before the payment can go on."""

    PAYER = "payer"
    BANK = "bank"
    PLATFORM = "platform"


class NextStep(StrEnum):
    """What the payer can do; who must act follows from it."""

    TRY_ANOTHER_CARD = "try_another_card"
    CHECK_DETAILS = "check_card_details"
    AUTHENTICATE = "authenticate"
    CONTACT_BANK = "contact_bank"
    TRY_AGAIN = "try_again"
    CONTACT_SUPPORT = "contact_support"

    @property
    def actor(self) -> Actor:
        """Who must act: the payer, the payer's bank, or whoever runs the platform."""
        return _ACTORS.get(self, Actor.PAYER)


_ACTORS = {NextStep.CONTACT_BANK: Actor.BANK, NextStep.CONTACT_SUPPORT: Actor.PLATFORM}


@dataclass(frozen=True)
class Explanation:
    """What a code means to the payer; `is_hidden`: they are told the generic text and code."""

    message: str
    next_step: NextStep
    is_hidden: bool = False


def _codes(names: str, message: str, next_step: NextStep) -> dict[str, Explanation]:
    return dict.fromkeys(names.split(), Explanation(message, next_step))


_DECLINED = "The card was declined."
_HIDDEN = Explanation(_DECLINED, NextStep.TRY_ANOTHER_CARD, is_hidden=True)

TABLE: dict[str, Explanation] = {
    **_codes("generic_decline card_declined", _DECLINED, NextStep.TRY_ANOTHER_CARD),
    # ---- another card helps -------------------------------------------------------------------
    **_codes("insufficient_funds", "The card has insufficient funds.", NextStep.TRY_ANOTHER_CARD),
    **_codes(
        "card_velocity_exceeded withdrawal_count_limit_exceeded card_decline_rate_limit_exceeded",
        "The card has reached its limit.",
        NextStep.TRY_ANOTHER_CARD,
    ),
    **_codes(
        "card_not_supported invalid_card_type payment_method_unsupported_type",
        "This kind of card is not accepted here.",
        NextStep.TRY_ANOTHER_CARD,
    ),
    **_codes(
        "currency_not_supported payment_method_currency_mismatch",
        "The card does not pay in this currency.",
        NextStep.TRY_ANOTHER_CARD,
    ),
    **_codes(
        "expired_card expired_payment_method", "The card has expired.", NextStep.TRY_ANOTHER_CARD
    ),
    **_codes(
        "revocation_of_all_authorizations revocation_of_authorization",
        "The card no longer allows payments to us.",
        NextStep.TRY_ANOTHER_CARD,
    ),
    **_codes(
        "offline_pin_required online_or_offline_pin_required incorrect_pin invalid_pin"
        " pin_try_exceeded",
        "The card needs its PIN and cannot be used here.",
        NextStep.TRY_ANOTHER_CARD,
    ),
    **_codes(
        "payment_method_not_available payment_method_restricted payment_method_unactivated"
        " payment_method_customer_decline payment_method_provider_decline",
        "The card cannot be used for this payment.",
        NextStep.TRY_ANOTHER_CARD,
    ),
    # ---- the payer typed something wrong ------------------------------------------------------
    **_codes(
        "incorrect_number invalid_number",
        "The card number is not correct.",
        NextStep.CHECK_DETAILS,
    ),
    **_codes(
        "incorrect_cvc invalid_cvc",
        "The card's security code is not correct.",
        NextStep.CHECK_DETAILS,
    ),
    **_codes(
        "invalid_expiry_month invalid_expiry_year",
        "The card's expiry date is not correct.",
        NextStep.CHECK_DETAILS,
    ),
    **_codes(
        "incorrect_zip incorrect_postal_code postal_code_invalid",
        "The postal code does not match the card.",
        NextStep.CHECK_DETAILS,
    ),
    **_codes("incorrect_address", "The address does not match the card.", NextStep.CHECK_DETAILS),
    **_codes(
        "new_account_information_available",
        "The bank has issued new details for this card.",
        NextStep.CHECK_DETAILS,
    ),
    **_codes(
        "email_invalid invalid_characters payment_method_billing_details_address_missing",
        "The billing details are not complete or not correct.",
        NextStep.CHECK_DETAILS,
    ),
    # ---- the payer's bank wants a word with the payer -----------------------------------------
    **_codes(
        "authentication_required authentication_not_handled mobile_device_authentication_required",
        "The bank asks you to confirm this payment.",
        NextStep.AUTHENTICATE,
    ),
    **_codes(
        "payment_intent_authentication_failure authentication_failure"
        " payment_intent_payment_attempt_expired",
        "The payment was not confirmed with the bank.",
        NextStep.AUTHENTICATE,
    ),
    **_codes(
        "call_issuer do_not_honor do_not_try_again no_action_taken refer_to_customer",
        "The card was declined; only the bank that issued it can say why.",
        NextStep.CONTACT_BANK,
    ),
    **_codes(
        "invalid_account not_permitted service_not_allowed transaction_not_allowed",
        "The bank does not allow this payment with this card.",
        NextStep.CONTACT_BANK,
    ),
    # ---- later, perhaps -----------------------------------------------------------------------
    **_codes(
        "approve_with_id issuer_not_available processing_error reenter_transaction try_again_later"
        " payment_method_provider_timeout payment_intent_payment_attempt_failed rate_limit"
        " lock_timeout",
        "The card could not be charged just now.",
        NextStep.TRY_AGAIN,
    ),
    # ---- nothing the payer can do -------------------------------------------------------------
    **_codes(
        "invalid_amount amount_too_small amount_too_large invalid_charge_amount"
        " charge_exceeds_transaction_limit",
        "The card cannot be charged with this amount.",
        NextStep.CONTACT_SUPPORT,
    ),
    **_codes(
        "duplicate_transaction",
        "The same payment was made a moment ago; look whether it has succeeded.",
        NextStep.CONTACT_SUPPORT,
    ),
    **_codes(
        "testmode_decline test_mode_live_card live_mode_test_card",
        "Real cards do not work in test mode, nor test cards outside of it.",
        NextStep.TRY_ANOTHER_CARD,
    ),
    # ---- they may be the thief ----------------------------------------------------------------
    **dict.fromkeys(
        (
            "fraudulent",
            "highest_risk_level",
            "elevated_risk_level",
            "lost_card",
            "merchant_blacklist",
            "payment_method_bank_account_blocked",
            "pickup_card",
            "restricted_card",
            "rule",
            "security_violation",
            "stolen_card",
            "stop_payment_order",
        ),
        _HIDDEN,
    ),
}


def log_decline(*, payment_id: str | None, stripe_code: str | None) -> None:
    """Write Stripe's own code to the log, where support finds it by the payment's id."""
    _log.info("payment_declined", payment_id=payment_id, stripe_code=stripe_code)


def explain(*, code: str | None, decline_code: str | None) -> Failure:
    """Return what to tell the payer about a failed attempt.

    A code that nobody knows is shown as the generic decline: it may be one to keep quiet about.
    """
    told = decline_code or code or GENERIC_DECLINE
    stripe_code = told if told in TABLE else GENERIC_DECLINE
    explanation = TABLE[stripe_code]
    unconfirmed = explanation.next_step is NextStep.AUTHENTICATE
    return Failure(
        code="authentication_failed" if unconfirmed else "card_declined",
        message=explanation.message,
        next_step=explanation.next_step.value,
        stripe_code=GENERIC_DECLINE if explanation.is_hidden else stripe_code,
    )
