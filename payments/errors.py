"""What can go wrong in the domain, named by what the caller should do about it.

The HTTP answers are chosen in `web/errors.py`; nothing here knows a status code.
"""

import datetime as dt
from collections.abc import Mapping


class StrongroomError(Exception):
    """A refusal the caller can act on: a stable `code` and a sentence in plain English.

    `errors` maps each field at fault to what is wrong with it.
    """

    code = "error"

    def __init__(
        self, detail: str, *, code: str | None = None, errors: Mapping[str, list[str]] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = dict(errors or {})
        if code is not None:
            self.code = code


class InvalidRequestError(StrongroomError):
    """The request is wrong in itself."""

    code = "validation"


class UnauthorizedError(StrongroomError):
    """The caller did not prove who they are."""

    code = "unauthorized"


class ForbiddenError(StrongroomError):
    """The caller is known and may not do this."""

    code = "role_forbidden"


class StepUpRequiredError(ForbiddenError):
    """The caller may do this once they have proved again who they are, within `max_age`."""

    code = "step_up_required"

    def __init__(self, detail: str, *, max_age: dt.timedelta) -> None:
        super().__init__(detail)
        self.max_age = max_age


class NotFoundError(StrongroomError):
    """There is no such thing, or it is not the caller's to see."""

    code = "not_found"


class ConflictError(StrongroomError):
    """The thing is in a state that does not allow this now."""

    code = "conflict"


class InProgressError(StrongroomError):
    """The first request with this reference is still running: try again in `retry_after_s`."""

    code = "in_progress"

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class ReferenceReusedError(StrongroomError):
    """The reference was used before with other content; choose a new one."""

    code = "reference_reused"


class DeclinedError(StrongroomError):
    """The payer's bank said no; final for this attempt. `replayed`: an earlier request was told."""

    code = "card_declined"

    def __init__(
        self, detail: str, *, stripe_code: str, next_step: str, replayed: bool = False
    ) -> None:
        super().__init__(detail)
        self.stripe_code = stripe_code
        self.next_step = next_step
        self.replayed = replayed


class UnavailableError(StrongroomError):
    """A part we need did not answer, or its answer is unknown; safe to repeat later."""

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class TooManyRequestsError(StrongroomError):
    """The caller uses as much at once as anybody may; try again in `retry_after_s`."""

    code = "too_many_requests"

    def __init__(self, detail: str, *, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class RateLimitedError(TooManyRequestsError):
    """The caller asked more often in a minute than anybody may; again in `retry_after_s`."""

    code = "rate_limited"


class InvalidSignatureError(StrongroomError):
    """A webhook was not signed by the provider, or too long ago or too far in the future.

    `reason` is what it is counted as: wrong_secret, too_old, in_future, malformed, other_mode,
    other_account.
    """

    code = "invalid_signature"

    def __init__(self, detail: str, *, reason: str = "malformed") -> None:
        super().__init__(detail)
        self.reason = reason
