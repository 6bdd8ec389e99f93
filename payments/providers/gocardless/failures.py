"""Why a payment by bank failed, as the payer is told it: GoCardless' causes as a table.

Causes: https://developer.gocardless.com/api-reference/#event-types
"""

from payments.providers.facts import Failure

_TRY_AGAIN, _CONTACT_BANK = "try_again", "contact_bank"


def _failure(code: str, message: str, next_step: str = _TRY_AGAIN) -> Failure:
    return Failure(code=code, message=message, next_step=next_step)


DENIED = _failure("authorization_denied", "The payment was not approved at the bank.")
NOT_AUTHORIZED = _failure("authorization_failed", "The bank could not be asked.")
FAILED = _failure("payment_failed", "The payment by bank failed.")

_NO_FUNDS = _failure("bank_declined", "The account has insufficient funds.")
_NO_ACCOUNT = _failure("bank_declined", "This account cannot pay this; try another.")
_ASK_BANK = _failure("bank_declined", "The bank did not make the payment.", _CONTACT_BANK)

_BY_CAUSE = {
    "insufficient_funds": _NO_FUNDS,
    **dict.fromkeys(
        (
            "account_blocked_for_any_financial_transaction",
            "bank_account_closed",
            "bank_account_disabled",
            "bank_account_transferred",
            "invalid_bank_details",
        ),
        _NO_ACCOUNT,
    ),
    **dict.fromkeys(("authorisation_disputed", "refer_to_payer", "payment_stopped"), _ASK_BANK),
}


def explain(cause: str | None) -> Failure:
    """Return what the payer may be told of a cause, which may be unknown."""
    return _BY_CAUSE.get(cause or "", FAILED)
