"""How old a secret may become, and which are due to be rotated."""

import datetime as dt
from collections.abc import Mapping

from payments.secret_versions.kinds import Kind

MAX_AGE_D = 365
MAX_AGE_BY_KIND_D: Mapping[str, int] = {Kind.SESSION_KEY.value: 90}
DUE_SOON = dt.timedelta(days=14)
"""So long before a secret is too old, it is told."""


def due_at(kind: str, created_at: dt.datetime, *, max_age_d: Mapping[str, int]) -> dt.datetime:
    """Return when a secret is to be rotated; `max_age_d` is the settings', by kind."""
    ages = {**MAX_AGE_BY_KIND_D, **max_age_d}
    return created_at + dt.timedelta(days=ages.get(kind, MAX_AGE_D))
