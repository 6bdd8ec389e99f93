"""How the encryption stands: which keys there are, how far the last walk is, what uses which."""

import datetime as dt
import json
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.at_rest.tables import EncryptionRun
from payments.privacy.data_keys import FIELDS, DataKey
from payments.privacy.encryption import prefix_of
from payments.rotate_encryption import count_by_key


@dataclass(frozen=True)
class KeyView:
    """A data key; `state` is `newest`, `old`, `closed` or `retired`. Never the key itself.

    `wrapped_by_primary`: by the primary key of this process's ENCRYPTION_KEYSET; None once it is
    retired. `fields` is how many are encrypted with it, if they were counted.
    """

    version: int
    state: str
    wrapped_by_primary: bool | None
    created_by: str
    created_at: dt.datetime
    closed_at: dt.datetime | None
    retired_at: dt.datetime | None
    fields: int | None


@dataclass(frozen=True)
class EncryptionView:
    """The data keys, the newest first; the last run; fields encrypted by the keyset itself."""

    keys: list[KeyView]
    run: EncryptionRun | None
    by_keyset_itself: int | None


def read_encryption(session: Session, *, keyset_json: str, count: bool = False) -> EncryptionView:
    """Return how things stand; `count` reads every table, which takes minutes on large ones."""
    uses = count_by_key(session) if count else None
    found = select(DataKey).where(DataKey.kind == FIELDS).order_by(DataKey.version.desc())
    rows = session.scalars(found).all()
    keyset = json.loads(keyset_json)
    keys = [
        KeyView(
            version=row.version,
            state=_state(row, is_newest=row is rows[0]),
            wrapped_by_primary=row.wrapped.startswith(prefix_of(keyset["primaryKeyId"]))
            if row.wrapped is not None
            else None,
            created_by=row.created_by,
            created_at=row.created_at,
            closed_at=row.closed_at,
            retired_at=row.retired_at,
            fields=None if uses is None else uses[prefix_of(row.key_id)],
        )
        for row in rows
    ]
    by_itself = None
    if uses is not None:
        by_itself = sum(uses[prefix_of(key["keyId"])] for key in keyset["key"])
    last = select(EncryptionRun).order_by(EncryptionRun.id.desc()).limit(1)
    return EncryptionView(keys, session.scalars(last).first(), by_itself)


def _state(key: DataKey, *, is_newest: bool) -> str:
    if key.retired_at is not None:
        return "retired"
    if key.closed_at is not None:
        return "closed"
    return "newest" if is_newest else "old"
