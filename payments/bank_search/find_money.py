"""Looks through statement lines, receipts and open bank payments for money that is missed.

References are compared as people write them, with a mistake or two. Names and texts of lines are
encrypted: those of the days asked for are decrypted one by one, for who may read them.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.audit.deed import note_subjects
from payments.bank_reference import reference_key
from payments.errors import InvalidRequestError
from payments.identifiers import new_id
from payments.privacy.encryption import DecryptionError, FieldCipher
from payments.reconciliation.line_details import LineDetails, open_details

USUAL = dt.timedelta(days=30)
LONGEST = dt.timedelta(days=400)
_EARLIEST = dt.date(1970, 1, 1)
MOST_READ = 5_000
MOST_FOUND = 100
ALIKE = 75
"""From how many of a hundred on a reference counts as the one that was meant."""

_MENDED = "~"
_LENGTHS_ALIKE = 0.5
"""Below it, two references are not compared letter by letter: 15,000 take seconds."""

_LINES = text("""
    SELECT 'line' AS kind, l.id, l.amount, l.currency, l.booked_on AS on_day, l.state, l.reason,
           l.reference_keys AS references_, l.end_to_end_id, l.bank_ref, l.details_encrypted,
           CAST(NULL AS text) AS payment_id, CAST(NULL AS text) AS order_id
      FROM strongroom.statement_lines l
     WHERE l.booked_on BETWEEN :from_day AND :to_day
       AND (CAST(:currency AS text) IS NULL OR l.currency = :currency)
     ORDER BY l.booked_on DESC, l.id DESC LIMIT :most
""")
_RECEIPTS = text("""
    SELECT 'receipt' AS kind, r.id, r.amount, r.currency, CAST(r.occurred_at AS date) AS on_day,
           CASE WHEN r.amount_applied + r.amount_returned < r.amount THEN 'in_suspense'
                ELSE 'applied' END AS state, r.reason,
           ARRAY[p.bank_reference] AS references_, r.receipt_ref AS end_to_end_id, NULL AS bank_ref,
           NULL AS details_encrypted, r.payment_id, p.order_id
      FROM strongroom.bank_receipts r JOIN strongroom.payments p ON p.id = r.payment_id
     WHERE r.occurred_at >= :from_day AND r.occurred_at < CAST(:to_day AS date) + 1
       AND (CAST(:currency AS text) IS NULL OR r.currency = :currency)
     ORDER BY r.id DESC LIMIT :most
""")
_PAYMENTS = text("""
    SELECT 'payment' AS kind, p.id, p.amount, p.currency, CAST(p.created_at AS date) AS on_day,
           p.status AS state, p.provider_status AS reason,
           ARRAY[p.bank_reference] AS references_, p.provider_ref AS end_to_end_id,
           NULL AS bank_ref,
           NULL AS details_encrypted, p.id AS payment_id, p.order_id
      FROM strongroom.payments p
     WHERE p.rail = 'bank' AND p.id >= :oldest_id
       AND p.created_at < CAST(:to_day AS date) + 1
       AND (CAST(:currency AS text) IS NULL OR p.currency = :currency)
     ORDER BY p.id DESC LIMIT :most
""")


@dataclass(frozen=True, kw_only=True)
class Missed:
    """What is known of it: `amount` in minor units, whatever its sign; days both included."""

    reference: str | None = None
    amount: int | None = None
    currency: str | None = None
    name: str | None = None
    from_day: dt.date | None = None
    to_day: dt.date | None = None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Money that it may be; `likeness` of its reference of a hundred, `fits` what else is right."""

    kind: str
    id: str
    amount: int
    currency: str
    on_day: dt.date
    state: str
    reason: str | None
    reference: str | None
    likeness: int
    fits: Sequence[str]
    payment_id: str | None
    order_id: str | None
    details: LineDetails | None


@dataclass(frozen=True)
class Searched:
    """What was found, the likeliest first, and which days were looked through."""

    items: Sequence[Candidate]
    from_day: dt.date
    to_day: dt.date
    read: int


def find_money(
    session: Session, *, missed: Missed, cipher: FieldCipher | None, now: dt.datetime
) -> Searched:
    """Return what the missed money may be; without a `cipher`, names are neither read nor shown.

    Lines whose names are shown are named in the audit log's entry of this transaction.

    Raises:
        InvalidRequestError: nothing is known of it, the days are more than 400, or a name is asked
            for by who may read none.
    """
    from_day, to_day = _days(missed, now=now)
    if missed.reference is None and missed.amount is None and missed.name is None:
        fault = "Give a reference, an amount or a name."
        raise InvalidRequestError("There is nothing to look for.", errors={"reference": [fault]})
    if missed.name is not None and cipher is None:
        fault = "Your role reads no names; ask finance."
        raise InvalidRequestError("Names are not yours to read.", errors={"name": [fault]})
    asked = {
        "from_day": from_day,
        "to_day": to_day,
        "currency": missed.currency,
        "most": MOST_READ,
        "oldest_id": _oldest_id(from_day),
    }
    rows = [
        row for query in (_LINES, _RECEIPTS, _PAYMENTS) for row in session.execute(query, asked)
    ]
    found = sorted(_candidates(rows, missed, cipher), key=_rank)[:MOST_FOUND]
    note_subjects(one.id for one in found if one.details is not None)
    return Searched(found, from_day, to_day, len(rows))


def _days(missed: Missed, *, now: dt.datetime) -> tuple[dt.date, dt.date]:
    to_day = missed.to_day or now.date() + dt.timedelta(days=1)  # banks book ahead
    earliest = missed.from_day or max(to_day, _EARLIEST + USUAL) - USUAL
    from_day = max(earliest, _EARLIEST)
    if not dt.timedelta(0) <= to_day - from_day <= LONGEST:
        fault = f"Look through {LONGEST.days} days at most, from {_EARLIEST.year} on."
        raise InvalidRequestError("The days are not valid.", errors={"from": [fault]})
    return from_day, to_day


def _oldest_id(day: dt.date) -> str:
    """Return what the ids of payments made from a day on are not below: they grow with time."""
    return new_id("pay", now=dt.datetime.combine(day, dt.time(), dt.UTC))[:14]


def _candidates(
    rows: Sequence[Row[Any]], missed: Missed, cipher: FieldCipher | None
) -> Iterator[Candidate]:
    wanted: SequenceMatcher[str] | None = None
    if missed.reference:  # what is compared with all others is looked through once
        wanted = SequenceMatcher(None, "", reference_key(missed.reference))
    for row in rows:
        likeness, reference = _likeness(row, wanted, missed.reference)
        fits = ["amount"] if missed.amount and abs(row.amount) == abs(missed.amount) else []
        details = None
        if missed.name is not None or likeness >= ALIKE or fits:
            details = _details(row, cipher)
        if missed.name and details is not None and _names(details, missed.name):
            fits.append("name")
        if likeness >= ALIKE:
            fits.append("reference")
        if fits:
            yield _candidate(row, details, likeness=likeness, reference=reference, fits=fits)


def _likeness(
    row: Row[Any], wanted: SequenceMatcher[str] | None, literally: str | None
) -> tuple[int, str | None]:
    """Return how much the likeliest reference of a row is the wanted one, of a hundred."""
    keys = [str(key).removeprefix(_MENDED) for key in row.references_ if key]
    if wanted is None:
        return 0, keys[0] if keys else None
    if literally in (row.id, row.end_to_end_id, row.bank_ref, row.payment_id, row.order_id):
        return 100, literally
    return max(((_alike(wanted, reference_key(key)), key) for key in keys), default=(0, None))


def _alike(wanted: "SequenceMatcher[str]", key: str) -> int:
    """Return how much a key is the wanted one, of a hundred; 0 when their lengths say enough."""
    wanted.set_seq1(key)
    return round(100 * wanted.ratio()) if wanted.real_quick_ratio() >= _LENGTHS_ALIKE else 0


def _details(row: Row[Any], cipher: FieldCipher | None) -> LineDetails | None:
    if cipher is None or row.details_encrypted is None:
        return None
    try:
        return open_details(cipher, line_id=row.id, ciphertext=row.details_encrypted)
    except DecryptionError:
        return None


def _names(details: LineDetails, name: str) -> bool:
    wanted = name.casefold()
    return any(wanted in (part or "").casefold() for part in (details.name, details.text))


def _candidate(row: Row[Any], details: LineDetails | None, **judged: Any) -> Candidate:
    return Candidate(
        kind=row.kind,
        id=row.id,
        amount=int(row.amount),
        currency=row.currency,
        on_day=row.on_day,
        state=row.state,
        reason=row.reason,
        payment_id=row.payment_id,
        order_id=row.order_id,
        details=details,
        **judged,
    )


def _rank(one: Candidate) -> tuple[int, int, int]:
    return -len(one.fits), -one.likeness, -one.on_day.toordinal()
