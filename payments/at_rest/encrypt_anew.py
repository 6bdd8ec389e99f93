"""Goes on with the walk that encrypts everything with the newest key, wherever it stopped.

Each batch and its figures are one transaction: killed in the middle, nothing is lost and nothing
is counted twice, and the next one goes on.
"""

import datetime as dt
from collections.abc import Callable, Sequence

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from payments.at_rest.tables import EncryptionRun
from payments.database import transaction
from payments.log_lines import get_logger
from payments.privacy.encryption import FieldCipher
from payments.rotate_encryption import (
    BATCH_SIZE,
    Batch,
    Position,
    count_left,
    rotate_encryption,
)

_NAMED = 10  # so many rows that do not decrypt are named in the log
_log = get_logger(__name__)


def encrypt_anew(
    engine: Engine,
    *,
    cipher: FieldCipher,
    clock: Callable[[], dt.datetime],
    longest: dt.timedelta = dt.timedelta(seconds=2),
    batch_size: int = BATCH_SIZE,
) -> bool | None:
    """Go on with the runs that are not done for `longest`; return whether they are done now.

    None: there were none. They are done when nothing is left but what does not decrypt.
    """
    cipher.read_anew()  # the key that this is about may be younger than what we know
    started = clock()
    with transaction(engine) as session:
        runs = _begin(session, cipher=cipher, now=started)
    if not runs:
        return None
    run_ids = [run.id for run in runs]

    def note(session: Session, batch: Batch) -> None:
        if batch.unreadable:
            _log.error("fields_do_not_decrypt", rows=list(batch.unreadable[:_NAMED]))
        _add(session, run_ids, batch, now=clock())

    progress = rotate_encryption(
        engine,
        cipher=cipher,
        batch_size=batch_size,
        start=_position(runs[0]),
        written=note,
        goes_on=lambda: clock() - started < longest,
    )
    if progress.left is None:
        return False
    with transaction(engine) as session:
        return _end_walk(session, run_ids, left=progress.left, now=clock())


def _begin(session: Session, *, cipher: FieldCipher, now: dt.datetime) -> Sequence[EncryptionRun]:
    """Return the runs that are not done, after counting once what is before them."""
    running = select(EncryptionRun).where(EncryptionRun.status == "running")
    runs = session.scalars(running.order_by(EncryptionRun.id)).all()
    if any(run.fields is None for run in runs):
        fields = count_left(session, cipher=cipher)
        for run in runs:
            if run.fields is None:
                run.fields, run.updated_at = fields, now
    return runs


def _position(run: EncryptionRun) -> Position:
    if run.position is None:
        return 0, None
    number, after = run.position
    return int(number), None if after is None else tuple(after)


def _add(session: Session, run_ids: Sequence[str], batch: Batch, *, now: dt.datetime) -> None:
    session.execute(
        update(EncryptionRun)
        .where(EncryptionRun.id.in_(run_ids))
        .values(
            encrypted=EncryptionRun.encrypted + batch.reencrypted,
            unreadable=EncryptionRun.unreadable + len(batch.unreadable),
            position=None if batch.then is None else [batch.then[0], batch.then[1]],
            updated_at=now,
        )
    )


def _end_walk(session: Session, run_ids: Sequence[str], *, left: int, now: dt.datetime) -> bool:
    """Close the runs, or have the next walk look for what somebody was using during this one."""
    found = select(EncryptionRun).where(EncryptionRun.id.in_(run_ids))
    runs = session.scalars(found.with_for_update()).all()
    is_done = all(left <= run.unreadable for run in runs)
    for run in runs:
        run.position, run.updated_at = None, now
        if is_done:
            run.status, run.unreadable, run.finished_at = "done", left, now
        else:
            run.unreadable = 0
    if is_done:
        _log.info("encryption_run_done", runs=list(run_ids), unreadable=left)
    return is_done
