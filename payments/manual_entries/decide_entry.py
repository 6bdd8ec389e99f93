"""What becomes of an entry by hand: somebody else approves it and it is posted, or rejects it."""

import datetime as dt

from sqlalchemy import Engine
from sqlalchemy.orm import Session

import ledger
from ledger import Entry, Posted, Posting
from ledger.errors import LedgerError
from payments import idempotency
from payments.access.caller import Caller
from payments.access.four_eyes import require_second_person
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.idempotency import Answered
from payments.log_lines import get_logger
from payments.manual_entries.month_lock import share_month_lock
from payments.manual_entries.open_accounts import MANUAL, to_open
from payments.manual_entries.tables import ManualEntry
from payments.manual_entries.view import EntryView, view_asked

APPROVE = "entries.approve"
REJECT = "entries.reject"

_log = get_logger(__name__)


def approve_entry(
    engine: Engine, *, caller: Caller, reference: str, entry_id: str, now: dt.datetime
) -> Answered[EntryView]:
    """Agree to an entry that somebody else asked for: it is posted, once.

    What the ledger refuses (its month was closed, an account would fall below its floor) is
    `refused` for good, and `refusal` says why.

    Raises:
        NotFoundError: there is no such entry.
        ConflictError: it is decided (`entry_decided`), or the caller asked for it
            (`second_person_needed`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """

    def approve(session: Session) -> Answered[EntryView]:
        row, answered = _claim_and_lock(
            session, caller, APPROVE, reference, {"entry_id": entry_id}, now=now
        )
        if answered is not None:
            return answered
        outcome: dict[str, object]
        try:
            posted = _post(session, row, approved_by=caller.person, now=now)
            outcome = {"status": "posted", "entry_id": posted.entry_id}
        except LedgerError as error:
            outcome = {"status": "refused", "refusal": str(error)}
        _decide(session, row, by=caller.person, now=now, **outcome)
        reach("entry.posted")
        return _answer(session, row, by=caller.person)

    answered = in_transaction(engine, approve)
    reach("entry.approval_committed")
    return answered


def reject_entry(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    entry_id: str,
    reason: str,
    now: dt.datetime,
) -> Answered[EntryView]:
    """Say no to an entry that waits, and why.

    Raises:
        InvalidRequestError: the reason is empty.
        NotFoundError: there is no such entry.
        ConflictError: it is decided (`entry_decided`), or the caller asked for it
            (`second_person_needed`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    if not reason.strip():
        raise InvalidRequestError("Say why.", errors={"reason": ["Say why."]})

    def reject(session: Session) -> Answered[EntryView]:
        content = {"entry_id": entry_id, "reason": reason}
        row, answered = _claim_and_lock(session, caller, REJECT, reference, content, now=now)
        if answered is not None:
            return answered
        _decide(session, row, by=caller.person, now=now, status="rejected", refusal=reason)
        return _answer(session, row, by=caller.person)

    return in_transaction(engine, reject)


def lock_entry(session: Session, entry_id: str) -> ManualEntry:
    """Lock an entry, after the one that it reverses.

    Raises:
        NotFoundError: there is no such entry.
    """
    known = session.get(ManualEntry, entry_id)
    if known is not None and known.reverses is not None:
        session.get(ManualEntry, known.reverses, with_for_update=True, populate_existing=True)
    row = session.get(ManualEntry, entry_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFoundError("There is no such entry.")
    return row


def _claim_and_lock(
    session: Session,
    caller: Caller,
    operation: str,
    reference: str,
    content: dict[str, str],
    *,
    now: dt.datetime,
) -> tuple[ManualEntry, Answered[EntryView] | None]:
    """Lock the entry to decide on; or also return what an earlier request was answered."""
    share_month_lock(session)
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=operation,
        reference=reference,
        fingerprint=idempotency.fingerprint(content),
        resource_id=content["entry_id"],
        now=now,
    )
    row = lock_entry(session, content["entry_id"])
    if claim.replayed_id is not None:
        return row, Answered(view_asked(session, [row])[0], replayed=True)
    if row.status != "requested":
        raise ConflictError(f"The entry is {row.status}.", code="entry_decided")
    require_second_person(
        session,
        caller,
        first=row.requested_by,
        detail="You asked for it; somebody else must decide.",
    )
    idempotency.finish(session, claim, now=now)
    return row, None


def _decide(
    session: Session, row: ManualEntry, *, by: str, now: dt.datetime, **outcome: object
) -> None:
    """Write down all of a decision in one statement, as the table's checks want it."""
    decided = {"decided_by": by, "decided_at": now, "updated_at": now, **outcome}
    for name, value in decided.items():
        setattr(row, name, value)
    session.flush()


def _post(session: Session, row: ManualEntry, *, approved_by: str, now: dt.datetime) -> Posted:
    """Post what was asked for.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    connection = session.connection()
    if row.reverses_entry_id is not None:
        posted = ledger.reverse(
            connection, row.reverses_entry_id, occurred_at=row.occurred_at, description=row.reason
        )
        if row.reverses is not None:
            original = session.get_one(ManualEntry, row.reverses)
            original.reversed_by_entry_id = posted.entry_id
            original.updated_at = now
        return posted
    lines = view_asked(session, [row])[0].lines
    names = {(line.path, line.asset) for line in lines}
    ids = ledger.find_account_ids(connection, names)
    new = [to_open(path, asset) for path, asset in sorted(names - ids.keys())]
    ids |= ledger.open_accounts(connection, new) if new else {}
    return ledger.post(
        connection,
        Entry(
            effect_key=f"{row.id}:{MANUAL}",
            kind=MANUAL,
            occurred_at=row.occurred_at,
            postings=[Posting(ids[line.path, line.asset], line.amount) for line in lines],
            description=row.reason,
            metadata={
                "manual_entry_id": row.id,
                "requested_by": row.requested_by,
                "approved_by": approved_by,
            },
        ),
    )


def _answer(session: Session, row: ManualEntry, *, by: str) -> Answered[EntryView]:
    _log.info("manual_entry_decided", entry_id=row.id, status=row.status, by=by)
    return Answered(view_asked(session, [row])[0], replayed=False)
