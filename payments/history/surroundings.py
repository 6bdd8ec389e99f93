"""Lines of what goes on around a payment: requests, webhooks, jobs, notices, what followed."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from payments.audit.tables import AuditEntry
from payments.delivery.tables import OutboxRow
from payments.history.line import Line, spent
from payments.invoices.tables import Invoice
from payments.notices.tables import Notice, NoticeDelivery, NoticeEndpoint
from payments.payouts.tables import SellerPayout
from payments.releases.tables import Release
from payments.webhooks.tables import InboxEvent

MOST = 200
"""Of each kind: a payment has a few, and a page ends somewhere."""

_PROVIDERS = ("stripe", "truelayer", "gocardless")


def requests_about(session: Session, subjects: Sequence[str]) -> Sequence[AuditEntry]:
    """Return what people and programs asked for, or looked at, of any of the subjects."""
    found = select(AuditEntry).where(AuditEntry.subjects.overlap(list(subjects)))
    return session.scalars(found.order_by(AuditEntry.number.desc()).limit(MOST)).all()


def webhooks_of(session: Session, causes: Sequence[str]) -> Sequence[InboxEvent]:
    """Return the provider's events that moved the payment, by the causes of its steps."""
    named = [cause.split(":", 1) for cause in causes if cause.split(":", 1)[0] in _PROVIDERS]
    if not named:
        return []
    wanted = or_(
        *(
            and_(InboxEvent.provider == provider, InboxEvent.event_id == event_id)
            for provider, event_id in named
        )
    )
    return session.scalars(select(InboxEvent).where(wanted).order_by(InboxEvent.id)).all()


def jobs_of(session: Session, request_ids: Sequence[str]) -> Sequence[OutboxRow]:
    """Return the jobs that these requests made necessary; done ones are kept for some days."""
    if not request_ids:
        return []
    found = select(OutboxRow).where(OutboxRow.request_id.in_(request_ids)).order_by(OutboxRow.id)
    return session.scalars(found.limit(MOST)).all()


def request_lines(entries: Sequence[AuditEntry]) -> Iterator[Line]:
    """Give a line for each request: who, what, how it ended; never why, which not all may read."""
    for entry in entries:
        seen = entry.outcome == "seen"
        yield Line(
            at=entry.at,
            kind="request",
            what=f"{'Look' if seen else 'Request'}: {_deed(entry.action)}",
            outcome=entry.outcome,
            note=f"{entry.role}, {entry.actor}" + (f": {entry.code}" if entry.code else ""),
            ref=entry.request_id,
        )


def webhook_lines(events: Sequence[InboxEvent]) -> Iterator[Line]:
    """Give a line for each event: when it came, and what its handler said."""
    for event in events:
        yield Line(
            at=event.received_at,
            kind="webhook",
            what=f"Event of {event.provider}: {event.event_type}",
            outcome=event.standing,
            note=event.error,
            ref=event.event_id,
            lasted=spent(event.received_at, event.finished_at),
        )


def job_lines(jobs: Sequence[OutboxRow]) -> Iterator[Line]:
    """Give a line for each job."""
    for job in jobs:
        tries = f"{job.attempts} attempts" if job.attempts > 1 else None
        yield Line(
            at=job.created_at,
            kind="job",
            what=f"Job: {_words(job.job)}",
            outcome=job.state,
            note=(job.error or "").splitlines()[-1][:200] if job.error else tries,
            ref=job.request_id,
            lasted=spent(job.created_at, job.finished_at),
        )


def notice_lines(session: Session, subjects: Sequence[str]) -> Iterator[Line]:
    """Give a line for each notice to the platform's backend, to each of its endpoints."""
    found = (
        select(Notice, NoticeDelivery, NoticeEndpoint.url)
        .outerjoin(NoticeDelivery, NoticeDelivery.notice_id == Notice.id)
        .outerjoin(NoticeEndpoint, NoticeEndpoint.id == NoticeDelivery.endpoint_id)
        .where(Notice.subject_id.in_(subjects))
        .order_by(Notice.id.desc())
        .limit(MOST)
    )
    for notice, delivery, url in session.execute(found):
        yield Line(
            at=notice.created_at,
            kind="notice",
            what=f"Notice: {_words(notice.type)}",
            outcome=None if delivery is None else delivery.state,
            note="No endpoint takes it." if delivery is None else _answered(delivery, url),
            ref=notice.id,
            lasted=spent(notice.created_at, delivery.delivered_at if delivery else None),
        )


def following_lines(
    releases: Sequence[Release], payouts: Sequence[SellerPayout], documents: Sequence[Invoice]
) -> Iterator[Line]:
    """Give a line for each release, payout and document of the order."""
    for release in releases:
        yield Line(
            at=release.created_at,
            kind="release",
            what="Release to the seller",
            outcome=release.status,
            note=release.failure_message or release.cancel_reason,
            ref=release.id,
            amount=release.amount,
            currency=release.currency,
        )
    for payout in payouts:
        yield Line(
            at=payout.created_at,
            kind="payout",
            what=f"Payout to the seller by {payout.provider}",
            outcome=payout.status,
            note=payout.failure_code,
            ref=payout.id,
            amount=payout.amount,
            currency=payout.currency,
        )
    for document in documents:
        yield Line(
            at=document.issued_at,
            kind="invoice",
            what=f"{_words(document.kind).capitalize()} {document.number_text}",
            outcome="issued",
            amount=document.amount,
            currency=document.currency,
        )


def _answered(delivery: NoticeDelivery, url: str | None) -> str:
    told = delivery.last_error or (
        f"answered {delivery.last_status}" if delivery.last_status else "not sent yet"
    )
    tries = f", {delivery.attempts} attempts" if delivery.attempts > 1 else ""
    # Its name alone: the rest of an address may be a secret, and not all of the staff reads it.
    host = urlsplit(url).hostname if url else None
    return f"{host or 'an endpoint that is gone'}: {told}{tries}"


def _deed(action: str) -> str:
    """Return an action as people say it: `payments.create` is `create payment`."""
    noun, _, verb = action.partition(".")
    return f"{_words(verb)} {_words(noun).removesuffix('s')}" if verb else _words(noun)


def _words(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")
