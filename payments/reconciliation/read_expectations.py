"""Reads what our books expect on bank statements: every posting on the bank's clearing account.

Postings are read on from a place up to which none can come in between any more. What lies beyond
is read again the next time, and is there already.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text

import ledger
from ledger import AccountPosting, JournalEntry
from payments.accounting.chart_of_accounts import bank_clearing
from payments.bank_reference import reference_key
from payments.database import in_transaction

CHUNK = 5_000
OURS = "statement"
"""How the kinds of entries begin that come from statements: nobody expects these."""
_TO_SELLERS = "payout"

_CURSOR = text("SELECT after_seq FROM strongroom.expectation_cursors WHERE account_id = :account")
_MOVE_CURSOR = text("""
    INSERT INTO strongroom.expectation_cursors AS c (account_id, after_seq)
    VALUES (:account, :seq)
        ON CONFLICT (account_id)
        DO UPDATE SET after_seq = excluded.after_seq WHERE c.after_seq < excluded.after_seq
""")
# What an entry does not say of itself is looked up: a refund's id at its provider, the reference
# of a payment, and what the bank calls a payout.
_INSERT = text("""
    INSERT INTO strongroom.expectations
           (entry_id, line, kind, subject_id, payment_id, provider_ref, reference_key, batch_ref,
            amount, currency, occurred_on, created_at)
    SELECT n.entry_id, n.line, n.kind, n.subject_id, n.payment_id,
           COALESCE(r.provider_ref, n.provider_ref, o.trace_ref, o.provider_ref),
           COALESCE(n.reference_key, 'SR' || ltrim(substr(p.bank_reference, 3), '0'),
                    o.provider_ref),
           n.batch_ref, CAST(n.amount AS numeric), :currency,
           COALESCE(o.arrival_date, n.occurred_on), :now
      FROM unnest(
             CAST(:entry_id AS bigint[]), CAST(:line AS int[]), CAST(:kind AS text[]),
             CAST(:subject_id AS text[]), CAST(:payment_id AS text[]),
             CAST(:provider_ref AS text[]), CAST(:reference_key AS text[]),
             CAST(:batch_ref AS text[]), CAST(:transaction_id AS text[]),
             CAST(:amount AS text[]), CAST(:occurred_on AS date[])
           ) AS n (entry_id, line, kind, subject_id, payment_id, provider_ref, reference_key,
                   batch_ref, transaction_id, amount, occurred_on)
      LEFT JOIN strongroom.refunds r ON r.id = n.subject_id
      LEFT JOIN strongroom.payments p ON p.id = n.payment_id AND p.rail = 'bank'
      LEFT JOIN strongroom.balance_transactions t ON t.id = n.transaction_id
      LEFT JOIN strongroom.payouts o
        ON o.provider = t.provider AND o.provider_ref = t.source_ref
     ORDER BY n.entry_id, n.line
        ON CONFLICT (entry_id, line) DO NOTHING
""")
# A payout may be told of after the movement it made, and the bank's name for it later still.
_LEARN_PAYOUTS = text("""
    UPDATE strongroom.expectations e
       SET provider_ref = COALESCE(o.trace_ref, o.provider_ref), reference_key = o.provider_ref,
           occurred_on = o.arrival_date
      FROM strongroom.balance_transactions t
      JOIN strongroom.payouts o ON o.provider = t.provider AND o.provider_ref = t.source_ref
     WHERE e.matched_amount <> e.amount AND e.kind LIKE 'settlement.%' AND t.id = e.subject_id
       AND (e.provider_ref, e.reference_key, e.occurred_on) IS DISTINCT FROM
           (COALESCE(o.trace_ref, o.provider_ref), o.provider_ref, o.arrival_date)
""")
_OF_ENTRIES = text("""
    SELECT entry_id, id FROM strongroom.expectations
     WHERE entry_id = ANY(CAST(:ids AS bigint[]))
""")


class Expected(NamedTuple):
    """A posting on a clearing account as a row of expectations."""

    entry_id: int
    line: int
    kind: str
    subject_id: str
    payment_id: str | None
    provider_ref: str | None
    reference_key: str | None
    batch_ref: str | None
    transaction_id: str | None
    amount: str
    occurred_on: dt.date


def read_expectations(engine: Engine, *, now: dt.datetime) -> int:
    """Read on in the clearing account of every currency; return how many postings were read.

    Safe to do twice at once, and to break off anywhere.
    """
    with engine.connect() as connection:
        names = [(bank_clearing(code).path, code) for code in ledger.assets(connection)]
        accounts = ledger.find_account_ids(connection, names)
    read = sum(
        _read_account(engine, account_id, currency, now=now)
        for (_, currency), account_id in sorted(accounts.items())
    )
    in_transaction(engine, lambda session: session.execute(_LEARN_PAYOUTS))
    return read


def expect_entries(
    connection: Connection, entries: Sequence[JournalEntry], *, now: dt.datetime
) -> dict[int, int]:
    """Make sure that what these entries moved on clearing accounts is expected.

    Returns the expectations' ids by the entries'; an entry moves a clearing account once.
    """
    wanted: dict[str, list[Expected]] = {}
    for entry in entries:
        for number, line in enumerate(entry.lines, start=1):
            if line.path == bank_clearing(line.asset).path:
                wanted.setdefault(line.asset, []).append(_expected(entry, number, line.amount))
    for currency, rows in wanted.items():
        _insert(connection, rows, currency, now=now)
    found = connection.execute(_OF_ENTRIES, {"ids": [entry.id for entry in entries]})
    return {row.entry_id: row.id for row in found}


def _read_account(engine: Engine, account_id: int, currency: str, *, now: dt.datetime) -> int:
    with engine.connect() as connection:
        place = connection.execute(_CURSOR, {"account": account_id}).scalar() or 0
    read, is_last = 0, False
    while not is_last:
        place, count = in_transaction(
            engine,
            lambda session, after=place: _read_chunk(  # type: ignore[misc] # a default binds the place
                session.connection(), account_id, currency, after, now=now
            ),
        )
        read += count
        is_last = count < CHUNK
    return read


def _read_chunk(
    connection: Connection, account_id: int, currency: str, after: int, *, now: dt.datetime
) -> tuple[int, int]:
    """Store the next postings; return the place they reach to, and how many they were."""
    postings, settled = ledger.postings_since(connection, account_id, after, limit=CHUNK)
    if not postings:
        return after, 0
    wanted = [
        _expected(each, each.line, each.amount)
        for each in postings
        if not each.kind.startswith(OURS)
    ]
    _insert(connection, wanted, currency, now=now)
    place = postings[-1].seq
    connection.execute(_MOVE_CURSOR, {"account": account_id, "seq": min(place, settled)})
    return place, len(postings)


def _insert(
    connection: Connection, rows: Iterable[Expected], currency: str, *, now: dt.datetime
) -> None:
    columns = list(zip(*rows, strict=True))
    if columns:
        arrays = dict(zip(Expected._fields, map(list, columns), strict=True))
        connection.execute(_INSERT, {**arrays, "currency": currency, "now": now})


def _expected(entry: AccountPosting | JournalEntry, line: int, amount: int) -> Expected:
    told = entry.metadata
    quoted = told.get("bank_reference")
    return Expected(
        entry_id=entry.entry_id if isinstance(entry, AccountPosting) else entry.id,
        line=line,
        kind=entry.kind,
        subject_id=entry.effect_key.partition(":")[0],
        # Money to a seller is a line of its own, not one of the payment that it came by.
        payment_id=None if entry.kind.startswith(_TO_SELLERS) else told.get("payment_id"),
        provider_ref=told.get("provider_ref"),
        reference_key=None if quoted is None else reference_key(quoted),
        batch_ref=told.get("batch_ref"),
        transaction_id=told.get("balance_transaction"),
        amount=str(amount),
        occurred_on=entry.occurred_at.date(),
    )
