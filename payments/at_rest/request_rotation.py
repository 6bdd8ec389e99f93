"""Somebody asks for a new data key: it is there at once, and a job encrypts the rest with it."""

import datetime as dt

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.at_rest.tables import EncryptionRun
from payments.delivery import outbox
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.privacy.data_keys import FIELDS, add_key

OPERATION = "encryption.rotate"
JOB = "encrypt_anew"


def request_rotation(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    keyset_json: str,
    now: dt.datetime,
    request_id: str | None,
) -> Answered[EncryptionRun]:
    """Add a data key, once per reference, and have everything encrypted anew with it.

    Raises:
        InvalidRequestError, InProgressError, ReferenceReusedError.
    """
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({}),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(EncryptionRun, claim.replayed_id), replayed=True)
    key = add_key(session, FIELDS, keyset_json=keyset_json, created_by=caller.person, now=now)
    run = EncryptionRun(
        id=new_id("enc", now=now),
        status="running",
        key_version=key.version,
        encrypted=0,
        unreadable=0,
        requested_by=caller.person,
        created_at=now,
        updated_at=now,
    )
    session.add(run)
    outbox.stage(session, job=JOB, coalesce_key=JOB, request_id=request_id, now=now)
    idempotency.finish(session, claim, resource_id=run.id, now=now)
    return Answered(run, replayed=False)
