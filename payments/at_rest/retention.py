"""How long personal data is kept, as a table; a job carries it out. What is not here is kept.

Ciphertexts are deleted and the rows stay, so nothing that was counted or posted loses its place:
an event has its effect once for ever, a number was given to a document, a line was booked.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from payments.settings import Settings

PAYMENT_SECRETS_KEPT = dt.timedelta(days=30)
"""Stripe's client secrets and the pages to pay on are of no use once a payment is over."""

KEY_USES_KEPT = dt.timedelta(days=400)
"""From which networks API keys were used: a leak may be found a year later."""

PRO_FORMAS_KEPT = dt.timedelta(days=90)


@dataclass(frozen=True)
class Retention:
    """What is deleted, `since` when it is kept, and until when, given now and the settings.

    `statement` deletes the data of up to `:limit` rows from before `:before`.
    """

    what: str
    since: str
    before: Callable[[dt.datetime, Settings], dt.datetime]
    statement: TextClause


def _years_before(now: dt.datetime, settings: Settings) -> dt.datetime:
    """Return the start of the year so long ago: the law counts from the end of a year."""
    return dt.datetime(now.year - settings.documents_kept_y, 1, 1, tzinfo=dt.UTC)


def _forget(table: str, columns: Sequence[str], *, old: str, key: Sequence[str] = ("id",)) -> Any:
    """Return the statement that sets columns of old rows to NULL, skipping rows in use."""
    names = ", ".join(key)
    some = " OR ".join(f"{column} IS NOT NULL" for column in columns)
    return text(f"""
        UPDATE strongroom.{table} SET {", ".join(f"{column} = NULL" for column in columns)}
         WHERE ({names}) IN (SELECT {names} FROM strongroom.{table}
                              WHERE ({some}) AND {old} LIMIT :limit FOR UPDATE SKIP LOCKED)
    """)  # noqa: S608 - every part stands in this module


RETENTION = (
    Retention(
        "webhook_payloads",
        "they came in; those not yet applied are kept",
        lambda now, settings: now - dt.timedelta(days=settings.webhook_payloads_kept_d),
        _forget(
            "webhook_inbox", ["payload_encrypted"], old="state <> 'new' AND received_at < :before"
        ),
    ),
    Retention(
        "payment_secrets",
        "the payment was over",
        lambda now, _: now - PAYMENT_SECRETS_KEPT,
        _forget(
            "payments",
            ["client_secret_encrypted", "checkout_url_encrypted", "link_url_encrypted"],
            old="status NOT IN ('created', 'requires_action', 'processing')"
            " AND updated_at < :before",
        ),
    ),
    Retention(
        "key_uses",
        "a network used a key last",
        lambda now, _: now - KEY_USES_KEPT,
        text("""
            DELETE FROM strongroom.key_uses WHERE (key_id, day, network) IN
              (SELECT key_id, day, network FROM strongroom.key_uses
                WHERE last_at < :before LIMIT :limit)
        """),
    ),
    Retention(
        "pro_formas",
        "they were made",
        lambda now, _: now - PRO_FORMAS_KEPT,
        _forget(
            "pro_formas",
            ["content_encrypted", "made_at"],
            old="made_at < :before",
            key=["order_id"],
        ),
    ),
    Retention(
        "invoices",
        "the end of the year in which they were issued",
        _years_before,
        _forget("invoices", ["content_encrypted"], old="issued_at < :before"),
    ),
    Retention(
        "invoice_files",
        "the end of the year in which they were made",
        _years_before,
        _forget(
            "invoice_files",
            ["content_encrypted"],
            old="created_at < :before",
            key=["invoice_id", "format"],
        ),
    ),
    Retention(
        "statement_files",
        "the end of the year in which they were imported",
        _years_before,
        _forget("statement_files", ["content_encrypted"], old="imported_at < :before"),
    ),
    Retention(
        "statement_lines",
        "the end of the year in which they were imported",
        _years_before,
        _forget(
            "statement_lines",
            ["details_encrypted"],
            old="created_at < :before AND state NOT IN ('new', 'unmatched')",
        ),
    ),
)


def forget_old(
    session: Session, kept: Retention, *, settings: Settings, now: dt.datetime, limit: int
) -> int:
    """Delete the data of up to `limit` rows that were kept long enough; return how many."""
    before = kept.before(now, settings)
    result: Any = session.execute(kept.statement, {"before": before, "limit": limit})
    return int(result.rowcount)
