"""The versions of secrets that are live now, kept in each process and read anew every few seconds.

So no webhook or request costs a trip to the database for its secret, a new version is known
everywhere before it is used, and a revoked one is refused within five seconds.
"""

import datetime as dt
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, or_, select
from sqlalchemy.exc import SQLAlchemyError

from payments.log_lines import get_logger
from payments.privacy.encryption import FieldCipher
from payments.secret_versions.environment import (
    Marks,
    environment_values,
    marks_of,
    note_environment,
)
from payments.secret_versions.kinds import Kind
from payments.secret_versions.source import LiveSecret, usable
from payments.secret_versions.tables import COLUMN, ENVIRONMENT, TABLE, SecretVersion
from payments.settings import Settings

LOOK_EVERY_S = 3.0
"""After this one caller reads anew, and the others go on with what is known."""
TOO_OLD_S = 4.5
"""After this nobody goes on with what is known, unless the database does not answer."""
AGAIN_EVERY_S = 0.1
"""How often a process reads anew because of what matched nothing: anybody may send that."""

_log = get_logger(__name__)


@dataclass(frozen=True)
class _Seen:
    versions: Mapping[Kind, tuple[LiveSecret, ...]]
    at: dt.datetime
    looked_s: float
    known: Mapping[str, str] = field(repr=False)  # values by id, so that each is decrypted once


class LiveSecrets:
    """The live versions of a process; threads share one."""

    def __init__(
        self,
        engine: Engine,
        *,
        cipher: FieldCipher,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing is read yet."""
        self._engine = engine
        self._cipher = cipher
        self._given = environment_values(settings)
        self._clock = clock
        self._wait = wait
        self._marks: Marks | None = None
        self._seen: _Seen | None = None
        self._looking = threading.Lock()

    def of(self, kind: Kind, *, now: dt.datetime) -> Sequence[LiveSecret]:
        """See `SecretSource`.

        Raises:
            SQLAlchemyError: nothing was ever read, and the database does not answer.
        """
        seen = self._seen
        age_s = _age_s(seen, now)
        if seen is None or age_s >= TOO_OLD_S:
            with self._looking:
                seen = self._seen
                if seen is None or _age_s(seen, now) >= LOOK_EVERY_S:
                    seen = self._look(now=now)
        elif age_s >= LOOK_EVERY_S and self._looking.acquire(blocking=False):
            try:
                seen = self._look(now=now)
            finally:
                self._looking.release()
        return usable(seen.versions.get(kind, ()), kind, now=now)

    def of_again(self, kind: Kind, *, now: dt.datetime) -> Sequence[LiveSecret]:
        """See `SecretSource`; ten times a second at most, so a caller may wait that long for it."""
        came = self._clock()
        with self._looking:
            seen = self._seen
            if seen is None or seen.looked_s <= came:
                if seen is not None:
                    self._wait(max(0, seen.looked_s + AGAIN_EVERY_S - self._clock()))
                seen = self._look(now=now)
        return usable(seen.versions.get(kind, ()), kind, now=now)

    def _look(self, *, now: dt.datetime) -> _Seen:
        before, looked_s = self._seen, self._clock()
        try:
            # Plain statements: what a request changes is not to be committed together with this.
            with self._engine.connect() as connection, connection.begin():
                rows = self._read(connection, now=now)
        except SQLAlchemyError as error:
            if before is None:
                raise
            _log.warning("secret_versions_not_read", error=type(error).__name__)
            seen = _Seen(before.versions, now, looked_s, before.known)
        else:
            known = self._values(rows, {} if before is None else before.known)
            seen = _Seen(_by_kind(rows, known), now, looked_s, known)
        self._seen = seen
        return seen

    def _read(self, connection: Connection, *, now: dt.datetime) -> Sequence[Row[Any]]:
        """Return the versions that are live or may be, and what is known of the environment's."""
        if self._marks is None:
            self._marks = marks_of(self._given)
        rows = self._select(connection, now=now)
        if not {(kind, mark) for kind, mark, _ in self._marks} <= {
            (row.kind, row.fingerprint) for row in rows
        }:
            note_environment(connection, self._marks, now=now)
            rows = self._select(connection, now=now)
        return rows

    def _select(self, connection: Connection, *, now: dt.datetime) -> Sequence[Row[Any]]:
        marks = [mark for _, mark, _ in self._marks or ()]
        is_live = SecretVersion.revoked_at.is_(None) & (
            SecretVersion.ends_at.is_(None) | (SecretVersion.ends_at > now)
        )
        return connection.execute(
            select(SecretVersion.__table__)
            .where(or_(is_live, SecretVersion.fingerprint.in_(marks)))
            .order_by(SecretVersion.starts_at.desc(), SecretVersion.id)
        ).all()

    def _values(self, rows: Sequence[Row[Any]], known: Mapping[str, str]) -> Mapping[str, str]:
        """Return the values of the live versions, as far as this process can know them."""
        given = {(kind, mark): value for kind, mark, value in self._marks or ()}
        values = {}
        for row in rows:
            if row.revoked_at is not None:
                continue
            if row.origin == ENVIRONMENT:
                if (row.kind, row.fingerprint) in given:
                    values[row.id] = given[row.kind, row.fingerprint]
            elif row.id in known:
                values[row.id] = known[row.id]
            elif row.value_encrypted is not None:
                values[row.id] = self._cipher.decrypt(
                    row.value_encrypted, table=TABLE, column=COLUMN, row_id=row.id
                )
        return values


def _age_s(seen: _Seen | None, now: dt.datetime) -> float:
    """Return how long ago the versions were read; a clock that was put back makes them old, too."""
    return math.inf if seen is None else abs((now - seen.at).total_seconds())


def _by_kind(
    rows: Sequence[Row[Any]], values: Mapping[str, str]
) -> Mapping[Kind, tuple[LiveSecret, ...]]:
    """Return the versions by kind, those of the environment last: not every process has them."""
    found: dict[Kind, list[LiveSecret]] = {}
    for row in sorted(rows, key=lambda row: bool(row.origin == ENVIRONMENT)):
        if row.id in values:
            found.setdefault(Kind(row.kind), []).append(
                LiveSecret(
                    row.id,
                    values[row.id],
                    starts_at=row.starts_at,
                    ends_at=row.ends_at,
                    from_environment=row.origin == ENVIRONMENT,
                )
            )
    return {kind: tuple(versions) for kind, versions in found.items()}
