"""P2: what waits longer than it should: confirmations, calls, queues, dead letters, findings."""

import datetime as dt

from sqlalchemy.orm import Session

from payments.alerts.condition import Condition, Measured, by_query
from payments.overview.lags import (
    read_dead_letters,
    read_inbox_lag,
    read_live_event_lag,
    read_outbox_lag,
)
from payments.settings import Settings

_MINUTE = dt.timedelta(minutes=1)

BEHIND_S = 300
UNNUMBERED_S = 60

# The states stand here word for word as in the indexes of 0011_operations/6_overview.sql.
_NOT_CONFIRMED = """
    SELECT count(*) AS count, (array_agg(id ORDER BY created_at))[1:50] AS keys,
           count(*) FILTER (WHERE rail = 'card') AS card,
           count(*) FILTER (WHERE rail = 'bank') AS bank,
           count(*) FILTER (WHERE rail = 'crypto') AS crypto, min(updated_at) AS oldest
      FROM strongroom.payments
     WHERE status IN ('created', 'requires_action', 'processing')
       AND status = 'processing' AND authorized_at IS NULL
       AND updated_at < :now - CASE rail WHEN 'bank' THEN make_interval(hours => :bank_h)
                                         ELSE make_interval(hours => :others_h) END
"""
_UNKNOWN = """
    SELECT count(*) AS count, (array_agg(id ORDER BY since))[1:50] AS keys, min(since) AS oldest
      FROM (SELECT id, created_at AS since FROM strongroom.provider_calls
             WHERE state IN ('intent', 'unknown')
            UNION ALL
            SELECT id, updated_at FROM strongroom.seller_payouts
             WHERE status NOT IN ('paid', 'failed') AND status = 'unknown') unknown
     WHERE since < :now - make_interval(secs => :older_than_s)
"""
_DRIFT = """
    SELECT count(*) AS count, (array_agg(id ORDER BY first_seen_at))[1:50] AS keys,
           min(first_seen_at) AS oldest
      FROM strongroom.findings
     WHERE state = 'open' AND kind <> 'stale_pending'
       AND first_seen_at < :now - make_interval(secs => :older_than_s)
"""
_PAYOUTS_FAILED = """
    SELECT count(*) AS count, (array_agg(id ORDER BY id))[1:50] AS keys
      FROM strongroom.seller_payouts WHERE status = 'failed'
"""


def _inbox_behind(session: Session, _settings: Settings, now: dt.datetime) -> Measured:
    behind = [
        lag
        for lag in read_inbox_lag(session.connection(), now=now)
        if lag.behind_s > BEHIND_S or (lag.tried and lag.oldest_s > 4 * BEHIND_S)
    ]
    return Measured(
        count=sum(lag.count for lag in behind),
        keys=tuple(lag.provider for lag in behind),
        figures=_oldest(max((lag.oldest_s for lag in behind), default=0)),
    )


def _outbox_behind(session: Session, _settings: Settings, now: dt.datetime) -> Measured:
    lags = read_outbox_lag(session.connection(), now=now)
    behind = [lag for lag in lags if lag.behind_s > BEHIND_S]
    return Measured(
        count=sum(lag.due for lag in behind) or len(behind),
        keys=tuple(lag.queue for lag in behind),
        figures=_oldest(max((lag.behind_s for lag in behind), default=0)),
    )


def _relay_silent(session: Session, _settings: Settings, now: dt.datetime) -> Measured:
    waiting = read_live_event_lag(session.connection(), now=now)
    if waiting.behind_s <= UNNUMBERED_S:
        return Measured(0)
    return Measured(waiting.count, figures=_oldest(waiting.behind_s))


def _dead(session: Session, _settings: Settings, _now: dt.datetime) -> Measured:
    found = {one.kind: one.count for one in read_dead_letters(session.connection()) if one.count}
    return Measured(sum(found.values()), figures=found)


def _oldest(seconds: float) -> dict[str, int]:
    return {"oldest_s": int(seconds)} if seconds else {}


WAITING = (
    Condition(
        name="confirmations_delayed",
        priority="P2",
        title="Confirmations are late",
        measured="Payments that were made and wait for their provider: a card's or a chain's for"
        " an hour, a bank's for a day",
        runbook="pending-for-ever",
        measure=by_query(_NOT_CONFIRMED, bank_h=24, others_h=1),
        holds_for=5 * _MINUTE,
    ),
    Condition(
        name="outcomes_unknown",
        priority="P2",
        title="Nobody knows what became of calls to a provider",
        measured="Calls and payouts without an answer for half an hour",
        runbook="pending-for-ever",
        measure=by_query(_UNKNOWN, older_than_s=1_800),
        holds_for=_MINUTE,
    ),
    Condition(
        name="inbox_behind",
        priority="P2",
        title="Webhooks are not applied",
        measured="Events of providers that are due for five minutes, or were tried in vain for 20",
        runbook="stripe-webhook-outage",
        measure=_inbox_behind,
        holds_for=2 * _MINUTE,
    ),
    Condition(
        name="outbox_behind",
        priority="P2",
        title="Jobs are not run",
        measured="Jobs that are due for five minutes: is there a worker for each queue?",
        runbook="pending-for-ever",
        measure=_outbox_behind,
        holds_for=_MINUTE,
    ),
    Condition(
        name="relay_silent",
        priority="P2",
        title="The relay does not tell what changes",
        measured="Changes that no open page was told of for a minute",
        runbook="event-streams",
        measure=_relay_silent,
        holds_for=_MINUTE,
    ),
    Condition(
        name="dead_letters",
        priority="P2",
        title="There are dead letters",
        measured="Events, jobs and notices that failed in every attempt",
        runbook="dead-letters",
        measure=_dead,
    ),
    Condition(
        name="drift",
        priority="P2",
        title="What providers say and our books differ",
        measured="Findings of reconciliation that nobody has settled for an hour",
        runbook="bank-payment-not-found",
        measure=by_query(_DRIFT, older_than_s=3_600),
        holds_for=_MINUTE,
    ),
    Condition(
        name="payouts_failed",
        priority="P2",
        title="Payouts to sellers failed",
        measured="Payouts that failed for good and wait for a person",
        runbook="pending-for-ever",
        measure=by_query(_PAYOUTS_FAILED),
        holds_for=_MINUTE,
    ),
)
