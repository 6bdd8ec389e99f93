"""Shows why webhooks were refused, by the hour, and which version of our secrets still matches."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, DateTime, Text, column, select, table
from sqlalchemy.orm import Session

from payments.secret_versions.kinds import Kind
from payments.secret_versions.list_secrets import SecretView, list_secrets

_refusals = table(
    "webhook_refusals",
    column("provider", Text),
    column("reason", Text),
    column("hour", DateTime(timezone=True)),
    column("count", BigInteger),
    schema="strongroom",
)

ADVICE: Mapping[str, str] = {
    "wrong_secret": "Signed with a secret we do not have, or not by the provider. Compare which"
    " version matched last with the secret in the provider's dashboard; rotate it here with the"
    " value from there. If nothing matches any more, it was rotated there and not here; if others"
    " still match, somebody forges, or a second endpoint of the account points here.",
    "too_old": "Signed more than five minutes ago: the provider's delivery was held up on the way,"
    " something sends old ones again, or our clock is ahead. Compare it with a time server.",
    "in_future": "Signed in the future: our clock is behind. Compare it with a time server.",
    "malformed": "No signature that can be read: something else than the provider calls, or a proxy"
    " takes the header away or changes the body.",
    "other_mode": "Of the provider's other mode (live or test): an endpoint of the wrong mode"
    " points here. Remove it in the provider's dashboard.",
    "other_account": "Of a connected account: an endpoint for Connect points here. Remove it in the"
    " provider's dashboard.",
}
"""What each reason means and what to do, for people."""

_KINDS = (Kind.STRIPE_WEBHOOK, Kind.GOCARDLESS_WEBHOOK)


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """How many webhooks of a provider were refused for a reason, in an hour or in all."""

    provider: str
    reason: str
    count: int
    hour: dt.datetime | None = None
    advice: str | None = None


@dataclass(frozen=True)
class RefusalReport:
    """By the hour, newest first; in all, with advice; and the versions of webhooks' secrets."""

    hours: Sequence[Refusals]
    totals: Sequence[Refusals]
    secrets: Sequence[SecretView]


def read_refusals(
    session: Session,
    *,
    from_at: dt.datetime,
    to_at: dt.datetime,
    max_age_d: Mapping[str, int],
    now: dt.datetime,
) -> RefusalReport:
    """Return what was refused from the hour of `from_at` until `to_at`, written a few s ago."""
    first = from_at.replace(minute=0, second=0, microsecond=0)
    rows = session.execute(
        select(_refusals, _refusals.c.count.label("refused"))
        .where(_refusals.c.hour >= first, _refusals.c.hour < to_at)
        .order_by(_refusals.c.hour.desc(), _refusals.c.provider, _refusals.c.reason)
    ).all()
    totals: Counter[tuple[str, str]] = Counter()
    for row in rows:
        totals[row.provider, row.reason] += row.refused
    versions = list_secrets(session, max_age_d=max_age_d, now=now)
    return RefusalReport(
        hours=[
            Refusals(provider=row.provider, reason=row.reason, count=row.refused, hour=row.hour)
            for row in rows
        ],
        totals=[
            Refusals(provider=provider, reason=reason, count=count, advice=ADVICE[reason])
            for (provider, reason), count in sorted(totals.items())
        ],
        secrets=[view for view in versions if view.version.kind in _KINDS],
    )
