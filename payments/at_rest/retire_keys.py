"""Retires old data keys: closed first, so that nobody can write with them, then destroyed.

That nothing needs a key any more is known, not hoped:
1. It is replaced for longer than any process goes without reading the keys, and no row uses it.
2. It is closed: from then on the database itself refuses whatever is encrypted with it
   (`guard_ciphertexts` in migrations/sql/0010_security/2_privacy.sql).
3. Every transaction that may have written before that has ended (`closed_horizon`), and still no
   row uses it. Only then is the key destroyed.
"""

import datetime as dt
from collections import Counter

from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.log_lines import get_logger
from payments.privacy.data_keys import FIELDS, DataKey
from payments.privacy.encryption import FieldCipher, prefix_of
from payments.rotate_encryption import count_by_key, rotate_encryption

CLOSE_AFTER = dt.timedelta(minutes=10)
"""How long a replaced key stays open; processes read the keys every 5 s when they encrypt."""

_log = get_logger(__name__)


def retire_keys(engine: Engine, *, cipher: FieldCipher, now: dt.datetime) -> int:
    """Take each old key a step further if it may be; return how many were destroyed."""
    with transaction(engine) as session:
        if not _old_keys(session, replaced_before=now - CLOSE_AFTER):
            return 0
    # What a slow process wrote with an old key after the walk that replaced it.
    rotate_encryption(engine, cipher=cipher)
    with transaction(engine) as session:
        old = _old_keys(session, replaced_before=now - CLOSE_AFTER)
        uses = count_by_key(session)
        for key in old:
            if key.closed_at is None and not uses[prefix_of(key.key_id)]:
                key.closed_at = now
                _log.info("data_key_closed", version=key.version)
    with transaction(engine) as session:  # a later one: what it sees comes after the closing
        session.execute(_SET_HORIZON)
    with transaction(engine) as session:
        passed = session.scalars(_PASSED).all()
        uses = count_by_key(session) if passed else Counter[bytes]()
        unused = [key_id for key_id in passed if not uses[prefix_of(key_id)]]
        for key in session.scalars(select(DataKey).where(DataKey.key_id.in_(unused))):
            key.wrapped, key.retired_at = None, now
            _log.info("data_key_retired", version=key.version)
    return len(unused)


def is_any_closed(session: Session) -> bool:
    """Whether a key is closed and waits for transactions to end before it can be destroyed."""
    closed = select(DataKey.key_id).where(DataKey.closed_at.is_not(None))
    return session.scalars(closed.where(DataKey.retired_at.is_(None))).first() is not None


def _old_keys(session: Session, *, replaced_before: dt.datetime) -> list[DataKey]:
    """Return the keys with a younger one that was there before a moment, locked."""
    newest = (
        select(func.max(DataKey.version))
        .where(DataKey.kind == FIELDS, DataKey.created_at <= replaced_before)
        .scalar_subquery()
    )
    found = select(DataKey).where(DataKey.kind == FIELDS, DataKey.retired_at.is_(None))
    return list(session.scalars(found.where(DataKey.version < newest).with_for_update()))


_SET_HORIZON = text("""
    UPDATE strongroom.data_keys SET closed_horizon = pg_snapshot_xmax(pg_current_snapshot())
     WHERE closed_at IS NOT NULL AND closed_horizon IS NULL
""")
_PASSED = text("""
    SELECT key_id FROM strongroom.data_keys
     WHERE retired_at IS NULL AND closed_horizon <= pg_snapshot_xmin(pg_current_snapshot())
""")
