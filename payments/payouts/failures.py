"""Why a payout failed, in words for the seller and for whoever may try again."""

_MESSAGES = {
    "provider_cannot_pay_out": "Who took the money cannot pay it out; pay it by hand.",
    "destination_refused": "The provider does not pay to this destination; give another one.",
    "funds_not_available": "The money it is paid from has not become available.",
    "provider_refused": "The provider refused the payout.",
    "never_arrived": "The provider never heard of the payout.",
    "returned": "The money came back; it is the seller's, and may be paid out again.",
    "insufficient_funds": "Our account at the provider has less than that.",
    "blocked": "The provider must not pay this destination.",
}
_OTHERWISE = "The provider could not make the payout."


def message_of(code: str) -> str:
    """Return what a failure's code means; the provider's own codes are told in one sentence."""
    return _MESSAGES.get(code, _OTHERWISE)
