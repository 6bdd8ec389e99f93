"""Requests and events that came more than once, as callers and providers are asked to send them."""

from typing import Any

from sqlalchemy import Row, text

from payments.duplicates.duplicate import Duplicate
from payments.duplicates.question import Question

_REPLAYED = text("""
    SELECT action AS key, subjects, count(*) AS times, min(at) AS first_at, max(at) AS last_at
      FROM strongroom.audit_entries
     WHERE outcome = 'replayed' AND at >= :since AND at < :until
       AND (CAST(:ids AS text[]) IS NULL OR subjects && CAST(:ids AS text[]))
     GROUP BY action, subjects
     ORDER BY max(at) DESC LIMIT :most
""")

# The same word by two callers for the same operation: two things were made of it.
_SHARED = text("""
    SELECT reference AS key, operation, array_agg(resource_id ORDER BY created_at) AS subjects,
           count(*) AS times, min(created_at) AS first_at, max(created_at) AS last_at
      FROM strongroom.idempotency_keys
     WHERE created_at >= :since AND created_at < :until AND resource_id IS NOT NULL
     GROUP BY reference, operation
    HAVING count(*) > 1
       AND (CAST(:ids AS text[]) IS NULL OR array_agg(resource_id) && CAST(:ids AS text[]))
     ORDER BY max(created_at) DESC LIMIT :most
""")

_REDELIVERED = text("""
    SELECT d.event_id AS key, d.provider, i.event_type, i.state, d.count + 1 AS times,
           i.received_at AS first_at, d.last_at
      FROM strongroom.webhook_redeliveries d
      JOIN strongroom.webhook_inbox i ON (i.provider, i.event_id) = (d.provider, d.event_id)
     WHERE d.last_at >= :since AND d.last_at < :until
     ORDER BY d.last_at DESC LIMIT :most
""")


def replayed_references(question: Question) -> list[Duplicate]:
    """Return requests that were sent again with their reference, and answered as before."""
    return [
        _duplicate(
            row,
            kind="reference_replayed",
            subjects=row.subjects,
            count=row.times + 1,
            verdict="harmless",
            why="Answered with what the first request made; nothing was made again.",
        )
        for row in question.rows(_REPLAYED)
    ]


def shared_references(question: Question) -> list[Duplicate]:
    """Return references under which two callers had the same thing done."""
    return [
        _duplicate(
            row,
            kind="reference_shared",
            subjects=row.subjects,
            count=row.times,
            verdict="look",
            why=f"Two callers sent {row.operation} under one reference: each made its own.",
        )
        for row in question.rows(_SHARED)
    ]


def redelivered_events(question: Question) -> list[Duplicate]:
    """Return events that a provider sent again; which order they are of is not known of them."""
    if question.order_id is not None:
        return []
    return [
        _duplicate(
            row,
            kind="event_redelivered",
            subjects=[row.event_type],
            count=row.times,
            verdict="harmless",
            why=f"{row.provider} sent it again; it is kept once, and {row.state}.",
        )
        for row in question.rows(_REDELIVERED)
    ]


def _duplicate(row: Row[Any], **told: Any) -> Duplicate:
    return Duplicate(key=row.key, first_at=row.first_at, last_at=row.last_at, **told)
