"""The kinds of secrets that can be rotated while everything runs, and the limits of each."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What a secret is for."""

    STRIPE_WEBHOOK = "stripe_webhook"
    GOCARDLESS_WEBHOOK = "gocardless_webhook"
    JWT_KEY = "jwt_key"
    SESSION_KEY = "session_key"
    API_KEY_PEPPER = "api_key_pepper"
    LINK_KEY = "link_key"


@dataclass(frozen=True)
class Limits:
    """How a kind rotates.

    `given`: somebody else makes the value and we are told it; else it is made here. `most_live`
    counts what is live or will be. `overlap` is how long the versions before go on unless the
    caller says otherwise; None: until they are revoked.
    """

    given: bool
    most_live: int
    overlap: dt.timedelta | None


_DAY = dt.timedelta(days=1)
LIMITS = MappingProxyType(
    {
        Kind.STRIPE_WEBHOOK: Limits(given=True, most_live=3, overlap=_DAY),
        Kind.GOCARDLESS_WEBHOOK: Limits(given=True, most_live=3, overlap=_DAY),
        Kind.JWT_KEY: Limits(given=True, most_live=5, overlap=_DAY),
        # As long as a session lives, so that nobody is signed out by a rotation.
        Kind.SESSION_KEY: Limits(given=False, most_live=5, overlap=_DAY / 2),
        # A key moves to the newest pepper when it is used; when that will be, nobody knows.
        Kind.API_KEY_PEPPER: Limits(given=False, most_live=5, overlap=None),
        Kind.LINK_KEY: Limits(given=False, most_live=5, overlap=_DAY / 24),
    }
)

LONGEST_OVERLAP = dt.timedelta(days=30)
LEAD = dt.timedelta(seconds=10)
"""A value made here begins to be used so long after it is made: by then every process has it."""
