"""Checks of what we have ourselves: lines, expectations, payments, statements that do not fit."""

import datetime as dt

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from payments.reconciliation.findings import Found

LATE_AFTER = dt.timedelta(days=7)
"""What is expected for longer should be on a statement by now."""

STALE_AFTER = dt.timedelta(days=1)
"""A payment that is under way for longer needs somebody to ask."""

_LINES = text("""
    SELECT 'line:' || l.id AS key,
           CASE l.reason WHEN 'duplicate' THEN 'duplicate' ELSE 'amount_differs' END AS kind,
           l.id AS subject_id, CAST(l.amount AS text) AS amount, NULL AS expected, l.currency,
           CASE l.reason WHEN 'duplicate' THEN 'A line names what another line has explained'
                ELSE 'A line names something of another amount' END AS detail
      FROM strongroom.statement_lines l
     WHERE l.state = 'unmatched' AND l.reason IN ('duplicate', 'amount_differs')
""")
# What was told and taken back before it could reach the bank comes to nothing, and is not late.
_EXPECTATIONS = text("""
    WITH open AS (
      SELECT e.*, e.amount - e.matched_amount AS left_over,
             sum(e.amount - e.matched_amount)
               OVER (PARTITION BY COALESCE(e.payment_id, 'exp_' || e.id), e.currency) AS together
        FROM strongroom.expectations e WHERE e.matched_amount <> e.amount)
    SELECT 'expectation:' || id AS key, 'missing_at_bank' AS kind, 'exp_' || id AS subject_id,
           CAST(matched_amount AS text) AS amount, CAST(amount AS text) AS expected, currency,
           kind || ' of ' || occurred_on || ' is on no statement' AS detail
      FROM open WHERE occurred_on < :late AND together <> 0
""")
_PAYMENTS = text("""
    SELECT 'payment:' || id AS key, 'stale_pending' AS kind, id AS subject_id, '0' AS amount,
           CAST(amount AS text) AS expected, currency,
           rail || ' payment ' || COALESCE(provider_status, status) || ' since '
             || to_char(updated_at, 'YYYY-MM-DD') AS detail
      FROM strongroom.payments
     WHERE status = 'processing' AND authorized_at IS NULL AND updated_at < :stale
""")
# A statement that begins after the one before ended begins with the balance that one ended with.
_GAPS = text("""
    SELECT 'statement:' || id AS key, 'statement_gap' AS kind, id AS subject_id,
           CAST(opening_balance AS text) AS amount, CAST(before AS text) AS expected, currency,
           'The account ' || account || ' begins ' || from_date
             || ' with another balance than it ended with on ' || ended_on AS detail
      FROM (SELECT s.*, lag(closing_balance) OVER account AS before,
                   lag(closing_date) OVER account AS ended_on
              FROM strongroom.bank_statements s WHERE closing_balance IS NOT NULL
            WINDOW account AS (PARTITION BY s.account ORDER BY closing_date, from_date, id)) s
     WHERE from_date > ended_on AND opening_balance <> before
""")


def find_odd_lines(session: Session, *, now: dt.datetime) -> list[Found]:  # noqa: ARG001 - as the others
    """Return lines that name something which another line has explained, or of another amount."""
    return _found(session, _LINES)


def find_late_expectations(session: Session, *, now: dt.datetime) -> list[Found]:
    """Return what should be on a statement by now."""
    return _found(session, _EXPECTATIONS, late=(now - LATE_AFTER).date())


def find_stale_payments(session: Session, *, now: dt.datetime) -> list[Found]:
    """Return payments whose provider has said nothing more for long."""
    return _found(session, _PAYMENTS, stale=now - STALE_AFTER)


def find_statement_gaps(session: Session, *, now: dt.datetime) -> list[Found]:  # noqa: ARG001 - as the others
    """Return statements that do not go on from the one before: another one is missing."""
    return _found(session, _GAPS)


def _found(session: Session, query: TextClause, **wanted: object) -> list[Found]:
    return [
        Found(
            row.key,
            row.kind,
            row.subject_id,
            None if row.amount is None else int(row.amount),
            None if row.expected is None else int(row.expected),
            row.currency,
            row.detail,
        )
        for row in session.execute(query, wanted)
    ]


CHECKS = {
    "line:": find_odd_lines,
    "expectation:": find_late_expectations,
    "payment:": find_stale_payments,
    "statement:": find_statement_gaps,
}
"""By their scopes."""
