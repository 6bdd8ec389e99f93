"""What a call to a provider may end in besides its answer."""

from payments.errors import UnavailableError


class OutcomeUnknownError(UnavailableError):
    """The provider may or may not have done it: ask again with the same idempotency key."""
