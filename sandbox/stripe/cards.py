"""Stripe's test cards as a table: what each number and each `pm_card_…` token does.

Numbers and tokens are those of https://docs.stripe.com/testing.
"""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Decline:
    """Why an issuer refuses a card."""

    code: str
    decline_code: str
    message: str


@dataclass(frozen=True)
class TestCard:
    """A card number, what it looks like, what happens when it is charged, and what afterwards.

    `asks_bank`: its bank wants the payer to confirm first (3D Secure); the decline comes after
    that. `delayed`: the payment is processing first and succeeds a moment later.
    """

    number: str
    brand: str = "visa"
    funding: str = "credit"
    decline: Decline | None = None
    tokens: tuple[str, ...] = ()
    asks_bank: bool = False
    delayed: bool = False
    sequel: str | None = None

    @property
    def fingerprint(self) -> str:
        """What stands for the number wherever the number itself is not kept."""
        return hashlib.sha256(self.number.encode()).hexdigest()[:16]


_REFUSED = "Your card was declined."

GENERIC = Decline("card_declined", "generic_decline", _REFUSED)
NO_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
NO_ANSWER_FROM_BANK = Decline(
    "processing_error", "processing_error", "The card's bank could not be asked. Try again shortly."
)
NOT_A_TEST_CARD = Decline(
    "card_declined",
    "test_mode_live_card",
    f"{_REFUSED} The request was in test mode, but used a card that is not a test card.",
)

TEST_CARDS = (
    TestCard("4242424242424242", tokens=("pm_card_visa",)),
    TestCard("4000056655665556", funding="debit", tokens=("pm_card_visa_debit",)),
    TestCard("5555555555554444", brand="mastercard", tokens=("pm_card_mastercard",)),
    TestCard("378282246310005", brand="amex", tokens=("pm_card_amex",)),
    TestCard(
        "4000000000000002",
        decline=GENERIC,
        tokens=("pm_card_visa_chargeDeclined", "pm_card_chargeDeclined"),
    ),
    TestCard(
        "4000000000009995",
        decline=NO_FUNDS,
        tokens=(
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "pm_card_chargeDeclinedInsufficientFunds",
        ),
    ),
    TestCard(
        "4000000000009987",
        decline=Decline("card_declined", "lost_card", _REFUSED),
        tokens=("pm_card_visa_chargeDeclinedLostCard",),
    ),
    TestCard(
        "4000000000009979",
        decline=Decline("card_declined", "stolen_card", _REFUSED),
        tokens=("pm_card_visa_chargeDeclinedStolenCard",),
    ),
    TestCard(
        "4000000000000069",
        decline=Decline("expired_card", "expired_card", "Your card has expired."),
        tokens=("pm_card_chargeDeclinedExpiredCard",),
    ),
    TestCard(
        "4000000000000127",
        decline=Decline(
            "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."
        ),
        tokens=("pm_card_chargeDeclinedIncorrectCvc",),
    ),
    TestCard(
        "4000000000000119",
        decline=Decline(
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
        tokens=("pm_card_chargeDeclinedProcessingError",),
    ),
    TestCard("4000000000007726", tokens=("pm_card_pendingRefund",), sequel="refund_succeeds_later"),
    TestCard("4000000000005126", tokens=("pm_card_refundFail",), sequel="refund_fails_later"),
    TestCard("4000000000000259", tokens=("pm_card_createDispute",), sequel="fraudulent"),
    TestCard(
        "4000000000002685",
        tokens=("pm_card_createDisputeProductNotReceived",),
        sequel="product_not_received",
    ),
    TestCard("4000000000001976", tokens=("pm_card_createDisputeInquiry",), sequel="inquiry"),
    TestCard("4000000000000077", tokens=("pm_card_bypassPending",), sequel="available_at_once"),
    TestCard("4000002760003184", asks_bank=True, tokens=("pm_card_authenticationRequired",)),
    TestCard("4000002500003155", asks_bank=True, tokens=("pm_card_authenticationRequiredOnSetup",)),
    TestCard("4000000000003220", asks_bank=True, tokens=("pm_card_threeDSecure2Required",)),
    TestCard(
        "4000008400001629",
        asks_bank=True,
        decline=GENERIC,
        tokens=("pm_card_threeDSecureRequiredChargeDeclined",),
    ),
    TestCard(
        "4000008260003178",
        asks_bank=True,
        decline=NO_FUNDS,
        tokens=("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",),
    ),
    TestCard(
        "4000008400001280",
        asks_bank=True,
        decline=NO_ANSWER_FROM_BANK,
        tokens=("pm_card_threeDSecureRequiredProcessingError",),
    ),
    # Stripe has no test card for this; bank debits are delayed there, and some cards in live mode.
    TestCard("4000000000004202", delayed=True, tokens=("pm_card_sandboxDelayed",)),
)


def card_for_token(token: str) -> TestCard | None:
    """The test card behind a `pm_card_…` token."""
    return next((card for card in TEST_CARDS if token in card.tokens), None)


def card_for_number(number: str) -> TestCard:
    """The test card with this number; any other valid number is declined as a real one."""
    known = next((card for card in TEST_CARDS if card.number == number), None)
    return known or TestCard(number, brand="unknown", decline=NOT_A_TEST_CARD)


def card_for_fingerprint(fingerprint: str) -> TestCard:
    """The test card a kept payment method was made from."""
    known = next((card for card in TEST_CARDS if card.fingerprint == fingerprint), None)
    return known or TestCard("", brand="unknown", decline=NOT_A_TEST_CARD)


def passes_luhn(number: str) -> bool:
    """Whether the check digit of a card number is right (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0
