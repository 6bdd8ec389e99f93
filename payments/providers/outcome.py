"""What a call to a provider may end in besides its answer."""

from payments.errors import ConflictError, DeclinedError, UnavailableError
from payments.providers.facts import Failure


class OutcomeUnknownError(UnavailableError):
    """The provider may or may not have done it: ask again with the same idempotency key."""


class UnexpectedStateError(ConflictError):
    """The provider refused: the thing is in another state than we thought, so look at it anew."""

    code = "provider_refused"


class PayoutRefusedError(ConflictError):
    """A payout was refused, and nothing left.

    `code`: `destination_refused` (the seller must change where they are paid),
    `provider_cannot_pay_out`, or `provider_refused`.
    """

    code = "provider_refused"


class FundsNotThereYetError(PayoutRefusedError):
    """A payout was refused because the money it is made of has not become available."""

    code = "funds_not_available"


class PaymentDeclinedError(DeclinedError):
    """The payer's bank said no; `failure` is what the payer may be told.

    `provider_code` is the code as the provider gave it: for the log, never for the payer.
    """

    def __init__(
        self, failure: Failure, *, provider_code: str | None = None, replayed: bool = False
    ) -> None:
        super().__init__(
            failure.message,
            stripe_code=failure.stripe_code or "",
            next_step=failure.next_step,
            replayed=replayed,
        )
        self.failure = failure
        self.provider_code = provider_code
