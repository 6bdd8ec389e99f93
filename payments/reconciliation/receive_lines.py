"""Lines that quote a payment by bank which our books do not expect: money that came for it.

A provider that has the money under way is told to have brought it; any other such line is a
transfer that the payer made. Either way it goes through the one door, and the line is matched
with what the door booked, in one transaction.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, select, text, tuple_
from sqlalchemy.orm import Session

import ledger
from payments.lifecycle.record_facts import Result, SourcedFact, record_facts
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import BankReceipt, Payment
from payments.log_lines import get_logger
from payments.providers.facts import MoneyReceived
from payments.reconciliation.book_lines import book_matches, lock_lines
from payments.reconciliation.line_entries import start_of
from payments.reconciliation.matching.model import CERTAINTY, Leftover, Match, Part, Reason, Rule
from payments.reconciliation.open_items import UNDONE
from payments.reconciliation.read_expectations import expect_entries

BATCH = 200
BY_STATEMENT = "statement"
SILENT = "provider_silent"
"""The provider was not there to say whether it has brought the money itself."""
UNDER_WAY = "provider_has_it_under_way"

_BRINGS_ONE_BY_ONE = frozenset({"truelayer"})
"""Providers whose money comes payment by payment, so that a line is the payment's own."""

_log = get_logger(__name__)

# `lpad` gives the zeros back that a key has lost; a longer text is no key.
_CANDIDATES = text(f"""
    SELECT l.id AS line_id, CAST(l.amount AS text) AS amount, l.currency, l.booked_on,
           p.id AS payment_id, p.bank_reference, p.provider, p.provider_ref, p.status,
           CAST(p.amount AS text) AS due
      FROM strongroom.statement_lines l
     CROSS JOIN LATERAL (SELECT DISTINCT key FROM unnest(l.reference_keys) AS u (key)
                          WHERE key LIKE 'SR%' AND length(key) <= 14) k
      JOIN strongroom.payments p
        ON p.bank_reference = 'SR' || lpad(substr(k.key, 3), 12, '0') AND p.currency = l.currency
     WHERE l.state IN ('new', 'unmatched') AND l.reason IS DISTINCT FROM '{UNDONE}'
       AND l.amount > 0 AND (CAST(:ids AS text[]) IS NULL OR l.id = ANY(CAST(:ids AS text[])))
       AND NOT EXISTS (
         SELECT FROM strongroom.expectations e
          WHERE e.reference_key = k.key AND e.currency = l.currency
            AND e.matched_amount <> e.amount AND e.amount > 0)
     ORDER BY l.id
""")  # noqa: S608 - the reason is a constant


class Candidate(NamedTuple):
    """A line that quotes one payment, under whose reference nothing is expected."""

    line_id: str
    amount: int
    currency: str
    booked_on: dt.date
    payment_id: str
    bank_reference: str
    provider: str
    provider_ref: str | None
    status: Status
    due: int

    @property
    def may_be_the_providers(self) -> bool:
        """Whether the provider may have brought the money, and we have not heard of it."""
        return self.status is not Status.PROCESSING and self.provider_ref is not None


class Received(NamedTuple):
    """What became of some candidates: the lines matched, and why others were not."""

    matched: list[str]
    reasons: dict[str, Leftover]


def find_candidates(connection: Connection, ids: Collection[str] | None = None) -> list[Candidate]:
    """Return the lines that quote one payment by bank, and nothing that is expected."""
    rows = connection.execute(_CANDIDATES, {"ids": None if ids is None else list(ids)}).all()
    by_line: dict[str, list[Row[Any]]] = {}
    for row in rows:
        by_line.setdefault(row.line_id, []).append(row)
    return [_candidate(quoted[0]) for quoted in by_line.values() if len(quoted) == 1]


def receive(
    session: Session,
    line_ids: Sequence[str],
    *,
    silent: Collection[str],
    run_id: str | None,
    made_by: str,
    now: dt.datetime,
) -> Received:
    """Take the money of these lines in, as far as it still is as it was when they were found.

    `silent` names payments whose provider could not be asked: these wait for a later run.
    """
    lock_lines(session, line_ids)
    found = find_candidates(session.connection(), line_ids)
    payment_ids = {candidate.payment_id for candidate in found}
    lock_payments(session, payment_ids)
    expect_payments(session, payment_ids, now=now)
    # With payments locked and all of theirs expected, what is left is what nobody expects.
    candidates = find_candidates(session.connection(), line_ids)
    reasons: dict[str, Leftover] = {}
    told: list[tuple[Candidate, MoneyReceived]] = []
    for candidate in candidates:
        fact = _fact_of(candidate)
        if candidate.may_be_the_providers and candidate.payment_id in silent:
            reasons[candidate.line_id] = Leftover(candidate.line_id, SILENT)
        elif fact is None:
            reasons[candidate.line_id] = _not_received(candidate)
        else:
            told.append((candidate, fact))
    matches = _tell(session, told, reasons, now=now)
    made = book_matches(session, matches, run_id=run_id, made_by=made_by, now=now)
    return Received([match.line_id for _, match in made], reasons)


def to_ask(engine: Engine) -> list[Candidate]:
    """Return candidates whose provider should be asked first whether it has the money itself."""
    with engine.connect() as connection:
        found = find_candidates(connection)
    return [each for each in found if each.may_be_the_providers]


def receipt_expectation(
    session: Session, payment_id: str, *, source: str, receipt_ref: str, now: dt.datetime
) -> int | None:
    """Return the expectation of what the door booked for a receipt; None: it booked nothing."""
    found = _receipt_expectations(session, [payment_id], {(source, receipt_ref)}, now=now)
    return found.get((source, receipt_ref))


def lock_payments(session: Session, payment_ids: Iterable[str]) -> None:
    """Lock payments as the door does, in the order of their ids, so that nothing comes in now."""
    locked = select(Payment.id).where(Payment.id.in_(sorted(payment_ids))).order_by(Payment.id)
    session.execute(locked.with_for_update(key_share=True))


def expect_payments(session: Session, payment_ids: Collection[str], *, now: dt.datetime) -> None:
    """Expect what these payments and their receipts booked a moment ago, too."""
    receipts = select(BankReceipt.id).where(BankReceipt.payment_id.in_(payment_ids))
    keys = [f"{id_}:received" for id_ in session.scalars(receipts)]
    keys += [f"{payment_id}:charged" for payment_id in payment_ids]
    expect_entries(
        session.connection(), ledger.entries_of_effects(session.connection(), keys), now=now
    )


def _receipt_expectations(
    session: Session,
    payment_ids: Collection[str],
    receipts: Collection[tuple[str, str]],
    *,
    now: dt.datetime,
) -> dict[tuple[str, str], int]:
    """Return the expectations of what was booked for receipts, by their source and its name.

    For all of them at once: entries that were posted a moment ago are slow to find one by one.
    """
    named = tuple_(BankReceipt.source, BankReceipt.receipt_ref)
    rows = session.execute(
        select(BankReceipt.id, BankReceipt.source, BankReceipt.receipt_ref).where(
            BankReceipt.payment_id.in_(payment_ids), named.in_(receipts)
        )
    )
    names = {id_: (source, receipt_ref) for id_, source, receipt_ref in rows}
    connection = session.connection()
    keys = [f"{payment_id}:charged" for payment_id in payment_ids]
    keys += [f"{receipt_id}:received" for receipt_id in names]
    entries = {
        entry.id: entry
        for entry in ledger.entries_of_effects(connection, keys)
        if entry.metadata.get("receipt_id") in names
    }
    found = expect_entries(connection, list(entries.values()), now=now)
    return {
        names[str(entries[entry_id].metadata["receipt_id"])]: expectation_id
        for entry_id, expectation_id in found.items()
    }


def _tell(
    session: Session,
    told: Sequence[tuple[Candidate, MoneyReceived]],
    reasons: dict[str, Leftover],
    *,
    now: dt.datetime,
) -> list[Match]:
    """Record what came, and return each line's match with what that booked."""
    facts = [SourcedFact(fact, f"statement:{each.line_id}") for each, fact in told]
    outcomes = record_facts(session, facts, now=now)
    session.flush()
    taken_in: list[tuple[Candidate, MoneyReceived]] = []
    for (candidate, fact), outcome in zip(told, outcomes, strict=True):
        if outcome.result is Result.REFUSED:
            _log.error("statement_money_refused", line_id=candidate.line_id, reason=outcome.reason)
            reasons[candidate.line_id] = Leftover(candidate.line_id, outcome.reason or "refused")
        else:
            taken_in.append((candidate, fact))
    expected = _receipt_expectations(
        session,
        {candidate.payment_id for candidate, _ in taken_in},
        {(fact.source, fact.receipt_ref) for _, fact in taken_in},
        now=now,
    )
    return [
        _match(candidate, fact, expected[fact.source, fact.receipt_ref])
        for candidate, fact in taken_in
        if (fact.source, fact.receipt_ref) in expected
    ]


def _fact_of(candidate: Candidate) -> MoneyReceived | None:
    """Return what the line says; None where that is the provider's to say."""
    source, receipt_ref = BY_STATEMENT, candidate.line_id
    if candidate.status is Status.PROCESSING:
        one_by_one = candidate.provider in _BRINGS_ONE_BY_ONE
        if not one_by_one or candidate.amount != candidate.due or candidate.provider_ref is None:
            return None
        source, receipt_ref = candidate.provider, candidate.provider_ref
    return MoneyReceived(
        provider=candidate.provider,
        provider_ref=None,
        payment_id=candidate.payment_id,
        occurred_at=start_of(candidate.booked_on),
        source=source,
        receipt_ref=receipt_ref,
        amount=candidate.amount,
        currency=candidate.currency,
    )


def _not_received(candidate: Candidate) -> Leftover:
    differs = candidate.provider in _BRINGS_ONE_BY_ONE and candidate.amount != candidate.due
    return Leftover(candidate.line_id, Reason.AMOUNT_DIFFERS if differs else UNDER_WAY)


def _match(candidate: Candidate, fact: MoneyReceived, expectation_id: int) -> Match:
    how = (
        "a transfer that the payer made"
        if fact.source == BY_STATEMENT
        else f"what {fact.source} had under way"
    )
    return Match(
        candidate.line_id,
        (Part(candidate.amount, expectation_id),),
        Rule.REFERENCE,
        CERTAINTY[Rule.REFERENCE],
        f"quotes {candidate.bank_reference}: taken in as {how}",
    )


def _candidate(row: Row[Any]) -> Candidate:
    return Candidate(
        line_id=row.line_id,
        amount=int(row.amount),
        currency=row.currency,
        booked_on=row.booked_on,
        payment_id=row.payment_id,
        bank_reference=row.bank_reference,
        provider=row.provider,
        provider_ref=row.provider_ref,
        status=Status(row.status),
        due=int(row.due),
    )
