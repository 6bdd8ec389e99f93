"""Registers, changes and removes the URLs at which the platform's backend hears of changes."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.notices.signing import forget_secrets, new_secret
from payments.notices.tables import NoticeDelivery, NoticeEndpoint
from payments.notices.topics import TOPICS
from payments.notices.wake_up import wake_up
from payments.outgoing.errors import CallRefusedError
from payments.outgoing.targets import read_target
from payments.privacy.encryption import FieldCipher
from payments.variables import IPNetwork

MAX_ENDPOINTS = 10
_LOCK = "strongroom.notice_endpoints"


@dataclass(frozen=True)
class EndpointView:
    """An endpoint as its owner sees it; `secret` is None but in the first answer."""

    row: NoticeEndpoint
    secret: str | None = field(default=None, repr=False)


def add_endpoint(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    url: str,
    topics: Collection[str],
    description: str,
    private_networks: Sequence[IPNetwork],
    cipher: FieldCipher,
    now: dt.datetime,
) -> Answered[EndpointView]:
    """Register an endpoint, once per reference; it hears of what happens from now on.

    Raises:
        InvalidRequestError: the URL leads where we do not call, or a topic is unknown.
        ConflictError: there are as many as there may be.
        InProgressError, ReferenceReusedError.
    """
    content = {"url": url, "topics": sorted(set(topics)), "description": description}
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation="notices.add_endpoint",
        reference=reference,
        fingerprint=idempotency.fingerprint(content),
        now=now,
    )
    if claim.replayed_id is not None:
        row = session.get_one(NoticeEndpoint, claim.replayed_id)
        return Answered(EndpointView(row), replayed=True)
    _check_url(url, private_networks=private_networks)
    _refuse_too_many(session)
    row = NoticeEndpoint(
        id=new_id("nep", now=now),
        url=url,
        description=description,
        topics=_checked_topics(topics),
        status="enabled",
        created_by=caller.person,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    secret = new_secret(session, row.id, cipher=cipher, now=now)
    idempotency.finish(session, claim, resource_id=row.id, now=now)
    return Answered(EndpointView(row, secret), replayed=False)


def change_endpoint(
    session: Session,
    endpoint_id: str,
    *,
    private_networks: Sequence[IPNetwork],
    now: dt.datetime,
    url: str | None = None,
    topics: Collection[str] | None = None,
    description: str | None = None,
    enabled: bool | None = None,
) -> NoticeEndpoint:
    """Change what is given; enabling forgets the failures and sends what waits, at once.

    Raises:
        InvalidRequestError: as `add_endpoint`.
        NotFoundError: there is no such endpoint.
    """
    row = locked_endpoint(session, endpoint_id)
    if url is not None and url != row.url:
        _check_url(url, private_networks=private_networks)
        row.url = url
    if topics is not None:
        row.topics = _checked_topics(topics)
    if description is not None:
        row.description = description
    if enabled is True and row.status == "disabled":
        row.status, row.disabled_reason, row.disabled_at = "enabled", None, None
        row.failing_since = row.paused_until = None
        wake_up(session, now=now)
    if enabled is False and row.status == "enabled":
        row.status, row.disabled_reason, row.disabled_at = "disabled", "by_hand", now
    row.updated_at = now
    session.flush()
    return row


def remove_endpoint(session: Session, endpoint_id: str, *, now: dt.datetime) -> None:
    """Send an endpoint nothing more, and forget its secrets and what waits for it.

    Raises:
        NotFoundError: there is no such endpoint.
    """
    row = locked_endpoint(session, endpoint_id)
    row.status, row.disabled_reason, row.disabled_at = "deleted", None, None
    row.updated_at = now
    session.flush()
    forget_secrets(session, endpoint_id)
    session.execute(
        delete(NoticeDelivery).where(
            NoticeDelivery.endpoint_id == endpoint_id, NoticeDelivery.state == "waiting"
        )
    )


def list_endpoints(session: Session) -> Sequence[NoticeEndpoint]:
    """Return all endpoints in the order they were registered; there are never many."""
    found = select(NoticeEndpoint).where(NoticeEndpoint.status != "deleted")
    return session.scalars(found.order_by(NoticeEndpoint.id)).all()


def read_endpoint(session: Session, endpoint_id: str) -> NoticeEndpoint:
    """Return an endpoint.

    Raises:
        NotFoundError: there is none of this id.
    """
    row = session.get(NoticeEndpoint, endpoint_id)
    if row is None or row.status == "deleted":
        raise NotFoundError("There is no such endpoint.")
    return row


def locked_endpoint(session: Session, endpoint_id: str) -> NoticeEndpoint:
    """Return an endpoint, which nobody else changes until this transaction ends.

    Raises:
        NotFoundError: there is none of this id.
    """
    row = session.get(
        NoticeEndpoint, endpoint_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if row is None or row.status == "deleted":
        raise NotFoundError("There is no such endpoint.")
    return row


def _check_url(url: str, *, private_networks: Sequence[IPNetwork]) -> None:
    try:
        read_target(url, private_networks=private_networks)
    except CallRefusedError as error:
        raise InvalidRequestError(
            "The URL is not one that notices are sent to.", errors={"url": [error.detail]}
        ) from error


def _checked_topics(topics: Collection[str]) -> list[str]:
    unknown = sorted(set(topics) - set(TOPICS))
    if unknown:
        raise InvalidRequestError(
            "A topic is not known.", errors={"topics": [f"Use of: {', '.join(sorted(TOPICS))}."]}
        )
    return sorted(set(topics))


def _refuse_too_many(session: Session) -> None:
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(_LOCK))))
    if len(list_endpoints(session)) >= MAX_ENDPOINTS:
        raise ConflictError(f"There are {MAX_ENDPOINTS} endpoints, which is as many as may be.")
