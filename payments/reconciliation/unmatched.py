"""The queue of what nothing explains: lines, suspended receipts, and what the bank does not bring.

Oldest first within each kind. Names and texts are decrypted for who may read them; searching by
them reads line by line, up to a limit, and goes on with the next page.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.bank_reference import reference_key
from payments.errors import InvalidRequestError
from payments.log_lines import get_logger
from payments.pages import Page
from payments.privacy.encryption import DecryptionError, FieldCipher
from payments.reconciliation.check_own_books import LATE_AFTER
from payments.reconciliation.line_details import LineDetails, open_details
from payments.reconciliation.view_match import expectation_name, expectation_number

KINDS = ("line", "receipt", "expectation")
MOST_READ = 5_000
_READ_AT_ONCE = 200

_log = get_logger(__name__)

_LINES = text("""
    SELECT l.id, 'line' AS kind, CAST(l.amount AS text) AS amount, l.currency, l.booked_on,
           COALESCE(l.reason, 'new') AS reason, l.account, l.suggestion, l.details_encrypted,
           NULL AS payment_id, l.bank_ref AS provider_ref
      FROM strongroom.statement_lines l
     WHERE l.state IN ('new', 'unmatched')
       AND (CAST(:id AS text) IS NULL OR (l.booked_on, l.id) > (
             SELECT booked_on, id FROM strongroom.statement_lines WHERE id = :id))
       AND (CAST(:amount AS numeric) IS NULL OR abs(l.amount) = CAST(:amount AS numeric))
       AND (CAST(:from_date AS date) IS NULL OR l.booked_on >= :from_date)
       AND (CAST(:to_date AS date) IS NULL OR l.booked_on <= :to_date)
       AND (CAST(:reference AS text) IS NULL OR CAST(:key AS text) = ANY(l.reference_keys)
            OR upper(:reference) IN (upper(l.end_to_end_id), upper(l.bank_ref), upper(l.id)))
     ORDER BY l.booked_on, l.id LIMIT :limit
""")
_RECEIPTS = text("""
    SELECT r.id, 'receipt' AS kind,
           CAST(r.amount - r.amount_applied - r.amount_returned AS text) AS amount, r.currency,
           CAST(r.occurred_at AS date) AS booked_on, r.reason, NULL AS account,
           NULL AS suggestion, NULL AS details_encrypted, r.payment_id,
           r.receipt_ref AS provider_ref
      FROM strongroom.bank_receipts r JOIN strongroom.payments p ON p.id = r.payment_id
     WHERE r.amount_applied + r.amount_returned < r.amount
       AND (CAST(:id AS text) IS NULL OR (r.occurred_at, r.id) > (
             SELECT occurred_at, id FROM strongroom.bank_receipts WHERE id = :id))
       AND (CAST(:amount AS numeric) IS NULL OR CAST(:amount AS numeric)
             IN (r.amount, r.amount - r.amount_applied - r.amount_returned))
       AND (CAST(:from_date AS date) IS NULL OR r.occurred_at >= :from_date)
       AND (CAST(:to_date AS date) IS NULL OR r.occurred_at < CAST(:to_date AS date) + 1)
       AND (CAST(:reference AS text) IS NULL
            OR 'SR' || ltrim(substr(p.bank_reference, 3), '0') = :key
            OR :reference IN (r.id, r.payment_id, r.receipt_ref, p.order_id))
     ORDER BY r.occurred_at, r.id LIMIT :limit
""")
_EXPECTATIONS = text("""
    WITH open AS (
      SELECT e.*, sum(e.amount - e.matched_amount)
                    OVER (PARTITION BY COALESCE(e.payment_id, 'exp_' || e.id), e.currency)
                    AS together
        FROM strongroom.expectations e WHERE e.matched_amount <> e.amount)
    SELECT 'exp_' || e.id AS id, 'expectation' AS kind,
           CAST(e.amount - e.matched_amount AS text) AS amount, e.currency,
           e.occurred_on AS booked_on, 'missing_at_bank' AS reason, NULL AS account,
           NULL AS suggestion, NULL AS details_encrypted, e.payment_id, e.provider_ref
      FROM open e
     WHERE e.occurred_on < :late AND e.together <> 0
       AND (CAST(:number AS bigint) IS NULL OR (e.occurred_on, e.id) > (
             SELECT occurred_on, id FROM strongroom.expectations WHERE id = :number))
       AND (CAST(:amount AS numeric) IS NULL OR abs(e.amount) = CAST(:amount AS numeric))
       AND (CAST(:from_date AS date) IS NULL OR e.occurred_on >= :from_date)
       AND (CAST(:to_date AS date) IS NULL OR e.occurred_on <= :to_date)
       AND (CAST(:reference AS text) IS NULL
            OR :reference IN (e.provider_ref, e.payment_id, e.subject_id)
            OR e.reference_key IN (:key, :reference))
     ORDER BY e.occurred_on, e.id LIMIT :limit
""")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is looked for: `amount` in minor units whatever its sign, days included both."""

    kind: str | None = None
    reference: str | None = None
    amount: int | None = None
    name: str | None = None
    booked_from: dt.date | None = None
    booked_to: dt.date | None = None


@dataclass(frozen=True, kw_only=True)
class UnmatchedItem:
    """Something that nothing explains: `amount` in signed minor units is what is open of it."""

    id: str
    kind: str
    amount: int
    currency: str
    booked_on: dt.date
    age_days: int
    reason: str
    account: str | None
    payment_id: str | None
    provider_ref: str | None
    details: LineDetails | None
    suggestion: dict[str, Any] | None


def list_unmatched(
    session: Session,
    wanted: Wanted,
    *,
    limit: int,
    after: str | None = None,
    cipher: FieldCipher | None,
    now: dt.datetime,
) -> Page[UnmatchedItem]:
    """Return up to `limit` items from after the one that `after` names.

    Without a `cipher` nobody's name is shown, and none can be looked for. A search by name may
    return fewer than there are, or none, with a cursor to go on.

    Raises:
        InvalidRequestError: `after` is no cursor of this list.
    """
    if wanted.name is not None and cipher is None:
        wanted = replace(wanted, kind="none")
    start = _kind_of(after)
    data: list[UnmatchedItem] = []
    budget = MOST_READ
    for kind in _kinds(wanted, start):
        place = after if kind == start else None
        for row in _rows(session, kind, wanted, place, now=now):
            if len(data) == limit or budget == 0:
                return Page(data, _cursor(data, place))
            budget -= 1
            place = row.id
            item = _item(row, cipher, now=now)
            if _is_named(item, wanted.name):
                data.append(item)
    return Page(data, None)


def _kinds(wanted: Wanted, start: str | None) -> list[str]:
    kinds = [kind for kind in KINDS if wanted.kind in (None, kind)]
    if wanted.name is not None:
        kinds = [kind for kind in kinds if kind == "line"]
    later = KINDS if start is None else KINDS[KINDS.index(start) :]
    return [kind for kind in kinds if kind in later]


def _rows(
    session: Session, kind: str, wanted: Wanted, after: str | None, *, now: dt.datetime
) -> Iterator[Row[Any]]:
    """Read items one page after the other, as long as they are asked for."""
    query = {"line": _LINES, "receipt": _RECEIPTS, "expectation": _EXPECTATIONS}[kind]
    bounds = {
        "amount": None if wanted.amount is None else str(abs(wanted.amount)),
        "from_date": wanted.booked_from,
        "to_date": wanted.booked_to,
        "reference": wanted.reference,
        "key": None if wanted.reference is None else reference_key(wanted.reference),
        "late": (now - LATE_AFTER).date(),
        "limit": _READ_AT_ONCE,
    }
    while True:
        number = None if after is None else expectation_number(after)
        rows = session.execute(query, {**bounds, "id": after, "number": number}).all()
        yield from rows
        if len(rows) < _READ_AT_ONCE:
            return
        after = rows[-1].id


def _item(row: Row[Any], cipher: FieldCipher | None, *, now: dt.datetime) -> UnmatchedItem:
    suggestion = row.suggestion
    if suggestion is not None:
        names = [expectation_name(number) for number in suggestion["expectation_ids"]]
        suggestion = {**suggestion, "expectation_ids": names}
    return UnmatchedItem(
        id=row.id,
        kind=row.kind,
        amount=int(row.amount),
        currency=row.currency,
        booked_on=row.booked_on,
        age_days=max((now.date() - row.booked_on).days, 0),
        reason=row.reason,
        account=row.account,
        payment_id=row.payment_id,
        provider_ref=row.provider_ref,
        details=_details(row, cipher),
        suggestion=suggestion,
    )


def _details(row: Row[Any], cipher: FieldCipher | None) -> LineDetails | None:
    if cipher is None or row.details_encrypted is None:
        return None
    try:
        return open_details(cipher, line_id=row.id, ciphertext=row.details_encrypted)
    except DecryptionError as error:  # one line whose key is gone must not hide all the others
        _log.error("line_details_not_readable", line_id=row.id, error=str(error))
        return None


def _is_named(item: UnmatchedItem, name: str | None) -> bool:
    if name is None:
        return True
    details = item.details
    told = "" if details is None else f"{details.name or ''} {details.account or ''} {details.text}"
    return name.casefold() in told.casefold()


def _cursor(data: list[UnmatchedItem], place: str | None) -> str | None:
    return place or (data[-1].id if data else None)


def _kind_of(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    kinds = {"stl": "line", "rcp": "receipt", "exp": "expectation"}
    kind = kinds.get(cursor.partition("_")[0])
    if kind is None or (kind == "expectation" and expectation_number(cursor) is None):
        raise InvalidRequestError(
            "The cursor is not valid.", errors={"after": ["Use `next` of the page before."]}
        )
    return kind
