"""Sends notices again: some by their ids, or all since a moment; with the ids they always had."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.errors import ConflictError, InvalidRequestError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.lifecycle.view import rfc_3339
from payments.notices.endpoints import locked_endpoint
from payments.notices.prune import KEPT
from payments.notices.tables import Notice, NoticeEndpoint, NoticeReplay
from payments.notices.topics import TEST_TYPE
from payments.notices.wake_up import wake_up

MAX_IDS = 1_000
MAX_AT_ONCE = 10_000

_SEND_AGAIN = text("""
    INSERT INTO strongroom.notice_deliveries (notice_id, endpoint_id, due_at, created_at)
    SELECT n, :endpoint_id, :now, :now
      FROM unnest(CAST(:ids AS text[])) AS n ORDER BY n
        ON CONFLICT (endpoint_id, notice_id) DO UPDATE
       SET state = 'waiting', attempts = 0, due_at = excluded.due_at, lease_token = NULL,
           delivered_at = NULL, discard_id = NULL
""")


@dataclass(frozen=True)
class WantedNotices:
    """Which notices: those of `notice_ids`, or all made since `since`."""

    notice_ids: tuple[str, ...] | None = None
    since: dt.datetime | None = None


def request_replay(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    endpoint_id: str,
    wanted: WantedNotices,
    now: dt.datetime,
) -> Answered[NoticeReplay]:
    """Have notices sent to an endpoint again, once per reference; those it never got as well.

    Of all since a moment, at most 10,000 go at once; `next_since` says where to go on.

    Raises:
        InvalidRequestError: it names no notices, or ones that are not there (any more).
        NotFoundError: there is no such endpoint.
        ConflictError: it is disabled.
        InProgressError, ReferenceReusedError.
    """
    content = {
        "endpoint_id": endpoint_id,
        "notice_ids": None if wanted.notice_ids is None else sorted(set(wanted.notice_ids)),
        "since": None if wanted.since is None else rfc_3339(wanted.since),
    }
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation="notices.replay",
        reference=reference,
        fingerprint=idempotency.fingerprint(content),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(NoticeReplay, claim.replayed_id), replayed=True)
    endpoint = locked_endpoint(session, endpoint_id)
    if endpoint.status != "enabled":
        raise ConflictError("The endpoint is disabled; enable it first.")
    ids, next_since = _find(session, endpoint, wanted, now=now)
    session.execute(_SEND_AGAIN, {"ids": ids, "endpoint_id": endpoint_id, "now": now})
    replay = NoticeReplay(
        id=new_id("nrp", now=now),
        endpoint_id=endpoint_id,
        accepted=len(ids),
        next_since=next_since,
        requested_by=caller.person,
        created_at=now,
    )
    session.add(replay)
    session.flush()
    wake_up(session, now=now)
    idempotency.finish(session, claim, resource_id=replay.id, now=now)
    return Answered(replay, replayed=False)


def _find(
    session: Session, endpoint: NoticeEndpoint, wanted: WantedNotices, *, now: dt.datetime
) -> tuple[Sequence[str], dt.datetime | None]:
    if (wanted.notice_ids is None) == (wanted.since is None):
        raise _invalid("notice_ids", "Name notices by `notice_ids` or by `since`, not by both.")
    if wanted.notice_ids is not None:
        return _known(session, wanted.notice_ids), None
    assert wanted.since is not None  # noqa: S101 - one of both is given
    if not now - KEPT <= wanted.since <= now:
        raise _invalid("since", f"Notices are kept for {KEPT.days} days.")
    query = select(Notice.id, Notice.created_at).where(
        Notice.created_at >= wanted.since, Notice.type != TEST_TYPE
    )
    if endpoint.topics:
        query = query.where(Notice.type.in_(endpoint.topics))
    rows = session.execute(
        query.order_by(Notice.created_at, Notice.id).limit(MAX_AT_ONCE + 1)
    ).all()
    if len(rows) <= MAX_AT_ONCE:
        return [row.id for row in rows], None
    # All of one moment go together: notices that were made at once share theirs.
    next_since = rows[-1].created_at
    return [row.id for row in rows if row.created_at < next_since], next_since


def _known(session: Session, notice_ids: Sequence[str]) -> Sequence[str]:
    wanted = set(notice_ids)
    if not 1 <= len(wanted) <= MAX_IDS:
        raise _invalid("notice_ids", f"Name 1 to {MAX_IDS} notices.")
    known = set(session.scalars(select(Notice.id).where(Notice.id.in_(wanted))))
    unknown = sorted(wanted - known)
    if unknown:
        raise _invalid("notice_ids", f"Not known (any more): {', '.join(unknown[:5])}.")
    return sorted(known)


def _invalid(name: str, fault: str) -> InvalidRequestError:
    return InvalidRequestError("The replay is not valid.", errors={name: [fault]})
