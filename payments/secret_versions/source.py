"""Where use cases have the versions of a secret from, and how they choose among them."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from payments.errors import InvalidSignatureError
from payments.secret_versions.kinds import LEAD, LIMITS, Kind

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class LiveSecret:
    """A version's value; `id` is None where nothing is noted of what the environment gives."""

    id: str | None
    value: str = field(repr=False)
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    from_environment: bool = True


class SecretSource(Protocol):
    """Where to have a kind's versions from."""

    def of(self, kind: Kind, *, now: dt.datetime) -> Sequence[LiveSecret]:
        """Return the versions that what comes in may be checked with, the newest first."""

    def of_again(self, kind: Kind, *, now: dt.datetime) -> Sequence[LiveSecret]:
        """Return them as they are by now, since none that was known matched."""


class FixedSecrets:
    """Versions that never change: what the environment gives, where no database is at hand."""

    def __init__(self, values: Mapping[Kind, Sequence[str]]) -> None:
        self._values = {
            kind: tuple(LiveSecret(None, value) for value in of_kind)
            for kind, of_kind in values.items()
        }

    def of(self, kind: Kind, *, now: dt.datetime) -> Sequence[LiveSecret]:  # noqa: ARG002 - as the protocol
        """See `SecretSource`."""
        return self._values.get(kind, ())

    def of_again(self, kind: Kind, *, now: dt.datetime) -> Sequence[LiveSecret]:
        """See `SecretSource`."""
        return self.of(kind, now=now)


def usable(
    versions: Sequence[LiveSecret], kind: Kind, *, now: dt.datetime
) -> tuple[LiveSecret, ...]:
    """Return those that what comes in may be checked with now.

    A value made here counts before it begins, and a given one ten seconds early: another process,
    or the provider, may have a faster clock and use it already.
    """
    return tuple(
        one
        for one in versions
        if (one.ends_at is None or one.ends_at > now)
        and (not LIMITS[kind].given or one.starts_at is None or one.starts_at <= now + LEAD)
    )


def to_make_with(source: SecretSource, kind: Kind, *, now: dt.datetime) -> LiveSecret:
    """Return the version to sign or hash with: the newest that has begun, else the next to begin.

    Raises:
        LookupError: there is none.
    """
    versions = source.of(kind, now=now) or source.of_again(kind, now=now)
    if not versions:
        raise LookupError(f"there is no live version of {kind}")
    begun = [one for one in versions if one.starts_at is None or one.starts_at <= now]
    return begun[0] if begun else versions[-1]


def find_version(
    source: SecretSource, kind: Kind, version_id: str | None, *, now: dt.datetime
) -> LiveSecret | None:
    """Return the live version of an id; of None: the one that the environment gave.

    Ids are ours alone, so one that this process does not know is worth another look.
    """
    for versions in (source.of, source.of_again):
        for one in versions(kind, now=now):
            if one.id == version_id or (version_id is None and one.from_environment):
                return one
    return None


def with_live_versions(
    source: SecretSource,
    kind: Kind,
    check: Callable[[Sequence[LiveSecret]], _Result],
    *,
    now: dt.datetime,
) -> _Result:
    """Return what `check` makes of the live versions; when none matches, of those there are now.

    Raises:
        InvalidSignatureError: none matches, or something else is wrong.
    """
    try:
        return check(source.of(kind, now=now))
    except InvalidSignatureError as error:
        if error.reason != "wrong_secret":
            raise
    return check(source.of_again(kind, now=now))
