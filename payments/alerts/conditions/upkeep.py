"""P2: what is to be kept up: proofs, secrets, endpoints, documents, and the alerts themselves."""

import datetime as dt

from sqlalchemy.orm import Session

from payments.access.due_secrets import due_secrets
from payments.alerts.condition import Condition, Measured, by_query
from payments.settings import Settings

_MINUTE = dt.timedelta(minutes=1)

_NOT_PROVEN = """
    SELECT count(*) AS count, max(proven_at) AS newest
      FROM (SELECT (SELECT proven_at FROM strongroom.proofs WHERE name = 'books') AS proven_at) p
     WHERE coalesce(proven_at < :now - make_interval(hours => :hours), true)
"""
_NOT_RECONCILED = """
    SELECT count(*) AS count, max(finished_at) AS newest
      FROM (SELECT max(finished_at) AS finished_at FROM strongroom.reconciliation_runs
             WHERE status = 'done') r
     WHERE coalesce(finished_at < :now - make_interval(hours => :hours), true)
"""
_ENDPOINTS = """
    SELECT count(*) AS count, (array_agg(id ORDER BY id))[1:50] AS keys, min(disabled_at) AS oldest
      FROM strongroom.notice_endpoints
     WHERE status = 'disabled' AND disabled_reason IN ('failing', 'gone')
"""
_REFUSED = """
    SELECT coalesce(sum(count), 0) AS count,
           (SELECT jsonb_object_agg(told, n) FROM (
              SELECT provider || ' ' || reason AS told, sum(count) AS n
                FROM strongroom.webhook_refusals
               WHERE hour > :now - interval '2 hours' GROUP BY 1 ORDER BY 2 DESC LIMIT 8) r)
             AS by_reason
      FROM strongroom.webhook_refusals WHERE hour > :now - interval '2 hours'
"""
_FROZEN = """
    SELECT count(*) AS count, (array_agg(id ORDER BY id))[1:50] AS keys, min(created_at) AS oldest
      FROM strongroom.freezes
     WHERE lifted_at IS NULL AND created_at < :now - make_interval(hours => :hours)
"""
_DOCUMENTS = """
    SELECT count(*) AS count, (array_agg(id ORDER BY id))[1:50] AS keys
      FROM (SELECT order_id AS id FROM strongroom.documents_due WHERE attempts >= :attempts
            UNION ALL
            SELECT invoice_id FROM strongroom.invoice_renderings
             WHERE status = 'failed' OR status = 'waiting' AND attempts >= :attempts) late
"""
_UNREADABLE_FIELDS = """
    SELECT coalesce(max(unreadable), 0) AS count, max(id) AS run
      FROM (SELECT id, unreadable FROM strongroom.encryption_runs ORDER BY id DESC LIMIT 1) newest
"""
# Of its own messages it says nothing, or it would never end while a target is away.
_NOT_DELIVERED = """
    SELECT count(*) AS count, array_agg(DISTINCT target) AS keys, min(created_at) AS oldest
      FROM (SELECT d.target, d.created_at FROM strongroom.alert_deliveries d
              LEFT JOIN strongroom.alerts a ON a.id = d.alert_id
             WHERE (d.state = 'waiting' AND d.due_at > :now - interval '2 days'
                    OR d.state = 'failed' AND d.created_at > :now - interval '2 days')
               AND d.created_at < :now - make_interval(secs => :older_than_s)
               AND a.condition IS DISTINCT FROM 'alerts_not_delivered') late
"""


def _overdue(session: Session, settings: Settings, now: dt.datetime) -> Measured:
    due = due_secrets(session, max_age_d=settings.secret_max_age_d, now=now)
    overdue = [f"{one.kind} {one.id}" for one in due if one.overdue]
    return Measured(len(overdue), tuple(sorted(overdue))[:50])


UPKEEP = (
    Condition(
        name="books_not_proven",
        priority="P2",
        title="The books were not proved lately",
        measured="Proofs of the books that are older than three hours, or none at all",
        runbook="dead-letters",
        measure=by_query(_NOT_PROVEN, hours=3),
        holds_for=30 * _MINUTE,
    ),
    Condition(
        name="not_reconciled",
        priority="P2",
        title="Nothing was reconciled lately",
        measured="Runs of reconciliation that should have ended within the last six hours",
        runbook="dead-letters",
        measure=by_query(_NOT_RECONCILED, hours=6),
        holds_for=120 * _MINUTE,
    ),
    Condition(
        name="secrets_overdue",
        priority="P2",
        title="Secrets are older than allowed",
        measured="Secrets and API keys in use that should have been rotated",
        runbook="key-leaked",
        measure=_overdue,
    ),
    Condition(
        name="notice_endpoint_disabled",
        priority="P2",
        title="The platform's backend is not told any more",
        measured="Endpoints of notices that were disabled because nothing arrived",
        runbook="dead-letters",
        measure=by_query(_ENDPOINTS),
    ),
    Condition(
        name="webhooks_refused",
        priority="P2",
        title="Webhooks are refused",
        measured="Webhooks of this hour and the last whose signature was not accepted",
        runbook="webhook-signatures",
        measure=by_query(_REFUSED),
        least=20,
        holds_for=2 * _MINUTE,
    ),
    Condition(
        name="frozen_for_long",
        priority="P2",
        title="Releases are still frozen",
        measured="Freezes in force for a day",
        runbook="duplicate-release",
        measure=by_query(_FROZEN, hours=24),
    ),
    Condition(
        name="documents_not_issued",
        priority="P2",
        title="Invoices cannot be issued or drawn",
        measured="Invoices and credit notes that failed five times",
        runbook="dead-letters",
        measure=by_query(_DOCUMENTS, attempts=5),
        holds_for=_MINUTE,
    ),
    Condition(
        name="fields_do_not_decrypt",
        priority="P2",
        title="Fields cannot be decrypted",
        measured="Fields that the latest run of encryption could not read",
        runbook="restore",
        measure=by_query(_UNREADABLE_FIELDS),
    ),
    Condition(
        name="alerts_not_delivered",
        priority="P2",
        title="Alerts do not arrive",
        measured="Messages about other alerts that have not arrived for ten minutes",
        runbook="escalation",
        measure=by_query(_NOT_DELIVERED, older_than_s=600),
    ),
)
