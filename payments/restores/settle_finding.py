"""Settles a finding: a person has seen to it, and says what came of it."""

import datetime as dt

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.idempotency import Answered
from payments.log_lines import get_logger
from payments.restores.tables import RestoreFinding

OPERATION = "restores.settle"

_log = get_logger(__name__)


def settle_finding(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    finding_id: str,
    note: str,
    now: dt.datetime,
) -> Answered[RestoreFinding]:
    """Settle a finding, once per reference; `note` says what was found or done about it.

    Of money that left it also says: what is asked for from now on is no repetition, and is sent.

    Raises:
        InvalidRequestError: the note is empty.
        NotFoundError: there is no such finding.
        ConflictError: it is settled, or something took its place already (`conflict`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    if not note.strip():
        raise InvalidRequestError("Say what came of it.", errors={"note": ["Say it."]})
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"finding_id": finding_id, "note": note}),
        resource_id=finding_id,
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(RestoreFinding, claim.replayed_id), replayed=True)
    finding = session.get(RestoreFinding, finding_id, with_for_update=True)
    if finding is None:
        raise NotFoundError("There is no such finding.")
    if finding.status == "settled" or finding.claimed_by is not None:
        raise ConflictError("Nothing is left to settle of it.", code="conflict")
    finding.status, finding.note = "settled", note
    finding.settled_by, finding.settled_at = caller.person, now
    session.flush()
    idempotency.finish(session, claim, now=now)
    _log.warning("restore_finding_settled", finding_id=finding.id, by=caller.person, note=note)
    return Answered(finding, replayed=False)
