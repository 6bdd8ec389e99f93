"""The secrets that sign an endpoint's notices, and the signature itself (Standard Webhooks 1.0.0).

Several secrets may be live, so that one is replaced without a gap: each of them signs, and the
receiver needs to know only one.
"""

import base64
import datetime as dt
import secrets
from collections.abc import Collection, Sequence

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from payments.errors import ConflictError
from payments.identifiers import new_id
from payments.notices.tables import NoticeSecret
from payments.privacy.encryption import FieldCipher

PREFIX = "whsec_"
SECRET_BYTES = 32
MAX_LIVE = 3


def new_secret(session: Session, endpoint_id: str, *, cipher: FieldCipher, now: dt.datetime) -> str:
    """Make a secret that signs from now on, and return its text."""
    text = PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    secret_id = new_id("nsec", now=now)
    session.add(
        NoticeSecret(
            id=secret_id,
            endpoint_id=endpoint_id,
            secret_encrypted=cipher.encrypt(text, **_field(secret_id)),
            starts_at=now,
        )
    )
    return text


def end_secrets(session: Session, endpoint_id: str, *, at: dt.datetime, now: dt.datetime) -> None:
    """Have what signs now stop at `at`, or earlier where that was said before.

    Raises:
        ConflictError: too many secrets would be live at once.
    """
    session.execute(
        delete(NoticeSecret).where(
            NoticeSecret.endpoint_id == endpoint_id, NoticeSecret.ends_at <= now
        )
    )
    if at > now:
        live = select(NoticeSecret.id).where(NoticeSecret.endpoint_id == endpoint_id)
        if len(session.scalars(live).all()) >= MAX_LIVE:
            raise ConflictError(
                f"{MAX_LIVE} secrets are live already; wait for one to end, or rotate without"
                " an overlap."
            )
    session.execute(
        update(NoticeSecret)
        .where(
            NoticeSecret.endpoint_id == endpoint_id,
            or_(NoticeSecret.ends_at.is_(None), NoticeSecret.ends_at > at),
        )
        .values(ends_at=at)
    )


def forget_secrets(session: Session, endpoint_id: str) -> None:
    """Delete all secrets of an endpoint."""
    session.execute(delete(NoticeSecret).where(NoticeSecret.endpoint_id == endpoint_id))


def live_secrets(
    session: Session, endpoint_ids: Collection[str], *, cipher: FieldCipher, now: dt.datetime
) -> dict[str, list[str]]:
    """Return the secrets that sign at `now`, newest first, by endpoint."""
    found = (
        select(NoticeSecret)
        .where(
            NoticeSecret.endpoint_id.in_(endpoint_ids),
            NoticeSecret.starts_at <= now,
            or_(NoticeSecret.ends_at.is_(None), NoticeSecret.ends_at > now),
        )
        .order_by(NoticeSecret.starts_at.desc(), NoticeSecret.id.desc())
    )
    live: dict[str, list[str]] = {endpoint_id: [] for endpoint_id in endpoint_ids}
    for row in session.scalars(found):
        live[row.endpoint_id].append(cipher.decrypt(row.secret_encrypted, **_field(row.id)))
    return live


def signed_headers(
    *, notice_id: str, body: str, secrets_: Sequence[str], at: dt.datetime
) -> dict[str, str]:
    """Return the three headers by which a receiver knows the notice as ours."""
    moment = at.astimezone(dt.UTC).replace(microsecond=0)
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(
            Webhook(secret).sign(msg_id=notice_id, timestamp=moment, data=body)
            for secret in secrets_
        ),
    }


def _field(secret_id: str) -> dict[str, str]:
    return {"table": "notice_secrets", "column": "secret_encrypted", "row_id": secret_id}
