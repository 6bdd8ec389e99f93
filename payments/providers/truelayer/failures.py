"""Why a payment by bank failed, as the payer is told it: TrueLayer's reasons as a table.

Reasons: https://docs.truelayer.com/docs/single-payment-statuses. The list is open.
"""

import re

from payments.log_lines import get_logger
from payments.providers.facts import Failure

CANCELED = "canceled"

_TRY_AGAIN, _CONTACT_BANK, _CONTACT_SUPPORT = "try_again", "contact_bank", "contact_support"

_CODE = re.compile(r"[a-z][a-z_]{0,60}")

_log = get_logger(__name__)


def _failure(code: str, message: str, next_step: str) -> Failure:
    return Failure(code=code, message=message, next_step=next_step)


def _reasons(names: str, failure: Failure) -> dict[str, Failure]:
    return dict.fromkeys(names.split(), failure)


FAILED = _failure("payment_failed", "The payment by bank failed.", _TRY_AGAIN)

TABLE: dict[str, Failure] = {
    **_reasons(
        "canceled user_canceled_at_provider not_authorized",
        _failure("authorization_denied", "The payment was not approved at the bank.", _TRY_AGAIN),
    ),
    **_reasons(
        "expired provider_expired",
        _failure("payment_expired", "The payment was not approved in time.", _TRY_AGAIN),
    ),
    **_reasons(
        "authorization_failed invalid_credentials invalid_otp",
        _failure("authorization_failed", "The bank could not confirm who you are.", _TRY_AGAIN),
    ),
    **_reasons(
        "insufficient_funds",
        _failure("bank_declined", "The account has insufficient funds.", _TRY_AGAIN),
    ),
    **_reasons(
        "payment_limit_exceeded",
        _failure("bank_declined", "The account has reached its limit.", _CONTACT_BANK),
    ),
    **_reasons(
        "provider_rejected rejected blocked",
        _failure("bank_declined", "The bank did not make the payment.", _CONTACT_BANK),
    ),
    **_reasons(
        "invalid_account_details invalid_account_holder_name invalid_remitter_account"
        " invalid_sort_code",
        _failure("bank_declined", "This account cannot pay this; try another.", _TRY_AGAIN),
    ),
    **_reasons(
        "verification_declined",
        _failure("bank_declined", "The account is not in the payer's name.", _TRY_AGAIN),
    ),
    **_reasons(
        "provider_error scheme_unavailable internal_server_error unknown_error",
        _failure("payment_failed", "The bank could not make the payment just now.", _TRY_AGAIN),
    ),
    **_reasons(
        "invalid_beneficiary_account invalid_request constraint_violation",
        _failure("payment_failed", "The payment could not be made.", _CONTACT_SUPPORT),
    ),
}
REVERSED = _failure("payment_failed", "The bank took the payment back.", _CONTACT_BANK)


def explain(reason: object) -> Failure:
    """Return what the payer may be told of a reason, which may be unknown or missing."""
    return TABLE.get(reason, FAILED) if isinstance(reason, str) else FAILED


def log_failure(*, payment_id: str | None, reason: object) -> None:
    """Write TrueLayer's own reason to the log, where support finds it by the payment's id."""
    is_code = isinstance(reason, str) and _CODE.fullmatch(reason)
    _log.info("bank_payment_failed", payment_id=payment_id, reason=reason if is_code else None)
