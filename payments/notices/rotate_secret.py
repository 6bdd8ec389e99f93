"""Replaces the secret of an endpoint without a gap: for a while, old and new sign both."""

import datetime as dt

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.errors import InvalidRequestError
from payments.idempotency import Answered
from payments.notices.endpoints import EndpointView, locked_endpoint
from payments.notices.signing import end_secrets, new_secret
from payments.notices.tables import NoticeEndpoint
from payments.privacy.encryption import FieldCipher

LONGEST_OVERLAP = dt.timedelta(days=7)


def rotate_secret(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    endpoint_id: str,
    overlap: dt.timedelta,
    cipher: FieldCipher,
    now: dt.datetime,
) -> Answered[EndpointView]:
    """Make a new secret, once per reference; what signs now ends after `overlap`.

    Raises:
        NotFoundError: there is no such endpoint.
        ConflictError: too many secrets would be live at once.
        InvalidRequestError, InProgressError, ReferenceReusedError.
    """
    if not dt.timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise InvalidRequestError(
            "Secrets may sign side by side for seven days at most.",
            errors={"overlap_s": ["Use 0 to 604800 seconds."]},
        )
    content = {"endpoint_id": endpoint_id, "overlap_s": int(overlap.total_seconds())}
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation="notices.rotate_secret",
        reference=reference,
        fingerprint=idempotency.fingerprint(content),
        now=now,
    )
    if claim.replayed_id is not None:
        row = session.get_one(NoticeEndpoint, claim.replayed_id)
        return Answered(EndpointView(row), replayed=True)
    row = locked_endpoint(session, endpoint_id)
    end_secrets(session, endpoint_id, at=now + overlap, now=now)
    secret = new_secret(session, endpoint_id, cipher=cipher, now=now)
    row.updated_at = now
    session.flush()
    idempotency.finish(session, claim, resource_id=row.id, now=now)
    return Answered(EndpointView(row, secret), replayed=False)
