"""P1: money that is lost, went out twice or to somebody else, books that do not agree.

The books as a whole are proved once an hour by the job `audit_ledger`, whose result is read here;
what only concerns the last day is looked for itself.
"""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.alerts.condition import Condition, Measured, by_query
from payments.alerts.proofs import BOOKS
from payments.alerts.tables import Proof
from payments.settings import Settings

_AT_ONCE = dt.timedelta(0)


def _broken(session: Session, _settings: Settings, _now: dt.datetime) -> Measured:
    proof = session.scalars(select(Proof).where(Proof.name == BOOKS)).one_or_none()
    broken = proof.broken if proof is not None else {}
    figures = {"proven_at": f"{proof.proven_at:%Y-%m-%d %H:%M} UTC"} if proof is not None else {}
    return Measured(count=len(broken), keys=tuple(sorted(broken)), figures=figures)


_RELEASED_TWICE = """
    SELECT count(*) AS count, (array_agg(payment_id ORDER BY payment_id))[1:50] AS keys
      FROM (SELECT p.id AS payment_id
              FROM (SELECT DISTINCT payment_id FROM strongroom.releases
                     WHERE posted_at IS NOT NULL AND posted_at > :now - interval '1 day') lately
              JOIN strongroom.payments p ON p.id = lately.payment_id
              JOIN strongroom.releases r ON r.payment_id = p.id AND r.status = 'posted'
             GROUP BY p.id HAVING sum(r.amount) > p.amount_captured) over_released
"""
_PAID_OUT_TWICE = """
    SELECT count(*) AS count, (array_agg(payout_id ORDER BY payout_id))[1:50] AS keys
      FROM (SELECT a.payout_id
              FROM (SELECT DISTINCT payout_id FROM strongroom.seller_payout_attempts
                     WHERE created_at > :now - interval '1 day') lately
              JOIN strongroom.seller_payouts p ON p.id = lately.payout_id
              JOIN strongroom.seller_payout_attempts a ON a.payout_id = p.id AND a.state = 'paid'
             GROUP BY a.payout_id, p.amount
            HAVING sum(a.amount - a.amount_returned) > p.amount) twice
"""
_WRONG_RECIPIENT = """
    SELECT count(*) AS count, (array_agg(p.id ORDER BY p.id))[1:50] AS keys
      FROM strongroom.seller_payout_attempts a
      JOIN strongroom.seller_payouts p ON p.id = a.payout_id
      JOIN strongroom.payout_destinations d ON d.id = a.destination_id
      JOIN strongroom.orders o ON o.id = p.order_id
     WHERE a.created_at > :now - interval '1 day' AND a.state <> 'failed'
       AND (d.party_id <> p.seller_id OR p.seller_id <> o.seller_id
            OR d.decided_by IS NULL OR d.decided_at > a.created_at)
"""
_LEFT_UNEXPLAINED = """
    SELECT count(*) AS count, (array_agg(id ORDER BY first_seen_at))[1:50] AS keys,
           min(first_seen_at) AS oldest
      FROM strongroom.findings
     WHERE state = 'open' AND kind = 'missing_in_ledger' AND amount < 0
"""
# Why nothing goes out: a restore that is not finished, or one that nobody has owned up to.
_STANDS_STILL = """
    SELECT count(why) AS count, array_remove(array_agg(why), NULL) AS keys
      FROM (SELECT strongroom.standing_still() AS why) standing
"""

MONEY = (
    Condition(
        name="books_do_not_agree",
        priority="P1",
        title="The books do not agree",
        measured="Truths about ledger and payments that the last proof found broken",
        runbook="duplicate-release",
        measure=_broken,
        settles_in=_AT_ONCE,
    ),
    Condition(
        name="standing_still",
        priority="P1",
        title="This database was restored: nothing is sent to anybody",
        measured="Reasons for which no money goes out until providers were asked",
        runbook="restore",
        measure=by_query(_STANDS_STILL),
        settles_in=_AT_ONCE,
    ),
    Condition(
        name="released_twice",
        priority="P1",
        title="More was released than was paid",
        measured="Payments of the last day whose releases come to more than was captured",
        runbook="duplicate-release",
        measure=by_query(_RELEASED_TWICE),
        settles_in=_AT_ONCE,
        lapses=True,
    ),
    Condition(
        name="paid_out_twice",
        priority="P1",
        title="A seller was paid twice",
        measured="Payouts of the last day that were paid more than once, and did not come back",
        runbook="duplicate-release",
        measure=by_query(_PAID_OUT_TWICE),
        settles_in=_AT_ONCE,
        lapses=True,
    ),
    Condition(
        name="wrong_recipient",
        priority="P1",
        title="Money went to the wrong recipient",
        measured="Payouts of the last day to a destination that is not the seller's, or was not"
        " approved when they were sent",
        runbook="duplicate-release",
        measure=by_query(_WRONG_RECIPIENT),
        settles_in=_AT_ONCE,
        lapses=True,
    ),
    Condition(
        name="money_left_unexplained",
        priority="P1",
        title="Money has left that we did not book",
        measured="Findings of reconciliation: money that went out at a provider, and not here",
        runbook="duplicate-release",
        measure=by_query(_LEFT_UNEXPLAINED),
        settles_in=_AT_ONCE,
    ),
)
