"""What support tells a payer whose card was declined, and what it can do, by Stripe's code.

Codes: https://docs.stripe.com/declines/codes. What may be a thief's card comes as the generic
decline: the payer is told no more than that, and neither is support.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """What a decline means, what to tell the payer, and what we can do about it."""

    meaning: str
    tell: str
    do: str


_NOTHING = "Nothing on our side; the order stays open for another attempt."
_NEXT_STEP: Mapping[str, Advice] = {
    "try_another_card": Advice(
        "The bank or Stripe will not take this card for this payment.",
        "Please pay with another card, or by bank.",
        _NOTHING,
    ),
    "check_card_details": Advice(
        "Something was typed wrong.",
        "Please check the card's number, expiry date and security code, and try again.",
        _NOTHING,
    ),
    "authenticate": Advice(
        "The bank wants its customer to confirm the payment (3-D Secure), and they did not.",
        "Please pay again and confirm it in your bank's app or by its code. If nothing appears, let"
        " the bank check that confirmation works for your card, or pay by bank.",
        "Look at the attempts: was the window closed, or did it never open? If several payers are"
        " concerned at once, look at Stripe's status page and at the shop's content security"
        " policy.",
    ),
    "contact_bank": Advice(
        "The bank said no, and does not tell anybody but its customer why.",
        "Please call the bank that issued the card and say that you want to make this payment; then"
        " try again. Or pay with another card.",
        _NOTHING,
    ),
    "try_again": Advice(
        "Bank or network had a fault for a moment; no money moved.",
        "Please try again in some minutes. Nothing was charged.",
        "If several payers are concerned at once, look at Stripe's status page.",
    ),
    "contact_support": Advice(
        "Our request was not right for this card, or the same payment was made before.",
        "We look into it; please do not pay again before you hear from us.",
        "Look whether another payment of the order has succeeded, then give it to an engineer.",
    ),
}
_CODES: Mapping[str, Advice] = {
    "insufficient_funds": Advice(
        "The account behind the card has too little money at this moment.",
        "Your bank says that the card's account does not cover this payment. Please pay with"
        " another card or by bank, or try again when there is enough on it.",
        _NOTHING,
    ),
    "expired_card": Advice(
        "The card is not valid any more.",
        "The card has expired; please pay with your new one.",
        _NOTHING,
    ),
    "incorrect_cvc": Advice(
        "The three or four digits on the card were not right.",
        "Please type the security code as it stands on the card, and try again.",
        _NOTHING,
    ),
    "generic_decline": Advice(
        "The bank says no more, or Stripe asks not to: the card may be lost, stolen or suspicious.",
        "Your bank declined the card and did not tell us why. Please call the bank, or pay with"
        " another card.",
        "Say no more than this, whatever Stripe's dashboard shows: whoever asks may not be the"
        " card's owner.",
    ),
    "authentication_required": _NEXT_STEP["authenticate"],
}
WAITS_FOR_PAYER = Advice(
    "The bank asks its customer to confirm the payment, and waits for that.",
    "Please go back to the order's page and confirm the payment with your bank. If the window is"
    " gone, start the payment again from the order.",
    "Nothing was charged yet. It is given up by itself a day after it was begun.",
)


def advise(*, stripe_code: str | None, next_step: str) -> Advice:
    """Return what to tell a payer: by Stripe's code, else by what they were told to do next."""
    known = _CODES.get(stripe_code or "")
    return known or _NEXT_STEP.get(next_step, _NEXT_STEP["contact_bank"])
