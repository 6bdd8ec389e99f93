"""Finds whatever somebody has a piece of: an id, a reference, an address, an e-mail, a number."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from payments.audit.deed import note_subjects
from payments.bank_reference import is_valid, normalise
from payments.chain.tables import ChainAttempt, ChainIntent
from payments.errors import InvalidRequestError
from payments.escrow.tables import Escrow, EscrowEffect
from payments.idempotency import IdempotencyKey
from payments.lifecycle.tables import Payment
from payments.orders.tables import Order
from payments.parties.email_index import find_parties
from payments.parties.tables import Party
from payments.privacy.encryption import FieldCipher
from payments.search import describe
from payments.search.found import Found
from payments.search.sources import SOURCES, Source

MOST_OF_A_KIND = 20
LONGEST_TEXT = 255
_FEWEST_OF_AN_ID = 8
"""Characters after the prefix from which the beginning of an id is looked for, too."""

_ID = re.compile(r"([a-z]{2,8})_([0-9A-Za-z]{1,64})")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Findings:
    """What was found, likeliest first; `unsearched` says what was left out, and why."""

    items: Sequence[Found]
    unsearched: str | None = None


def find(session: Session, *, text: str, cipher: FieldCipher, people: bool) -> Findings:
    """Return what is known by a text; `people`: whether e-mail addresses may be looked for.

    Parties found by e-mail are named in the audit log's entry of this transaction.

    Raises:
        InvalidRequestError: the text is empty, or longer than 255 characters.
    """
    text = text.strip()
    if not 0 < len(text) <= LONGEST_TEXT or "\x00" in text:
        raise InvalidRequestError(
            "There is nothing to search for.", errors={"q": ["Give 1 to 255 characters."]}
        )
    if "@" in text:
        if not people:
            return Findings([], "Your role does not look for people by e-mail.")
        return Findings(_once(_by_email(session, text, cipher=cipher)))
    return Findings(_once(_by_text(session, text)))


def _once(found: Iterator[Found]) -> list[Found]:
    """Each thing once, as it was found first."""
    seen: dict[tuple[str, str], Found] = {}
    for one in found:
        seen.setdefault((one.kind, one.id), one)
    return list(seen.values())


def _by_email(session: Session, email: str, *, cipher: FieldCipher) -> Iterator[Found]:
    views = find_parties(session, email=email, cipher=cipher)
    ids = [view.id for view in views]
    note_subjects(ids)
    for row in session.scalars(select(Party).where(Party.id.in_(ids)).order_by(Party.id.desc())):
        yield replace(describe.party(row), by="e-mail")
    yield from _orders_of(session, ids)


def _by_text(session: Session, text: str) -> Iterator[Found]:
    for source in SOURCES:
        yield from _in_source(session, source, text)
    if is_valid(text):
        yield from _payments(session, Payment.bank_reference == normalise(text), "bank reference")
    if _HASH.fullmatch(text):
        yield from _by_transaction(session, text.lower())
    if text.startswith("pty_"):
        yield from _orders_of(session, [text])
    if text.startswith("ord_"):
        yield from _payments(session, Payment.order_id == text, "order")
    yield from _by_reference(session, text)


def _in_source(session: Session, source: Source, text: str) -> Iterator[Found]:
    """What of one kind has this id, begins with it, or is known by it otherwise."""
    matched = _ID.fullmatch(text)
    if matched and matched[1] == source.prefix:
        yield from _rows(session, source, _begins_with(source, text, matched[2]), "id")
        return
    for name, test in source.names.items():
        yield from _rows(session, source, test(text), name)


def _begins_with(source: Source, text: str, rest: str) -> ColumnElement[bool]:
    same: ColumnElement[bool] = source.table.id == text
    if len(rest) < _FEWEST_OF_AN_ID:
        return same
    # Ids are compared byte by byte, and nothing in them comes after "~".
    begins: ColumnElement[bool] = (source.table.id >= text) & (source.table.id < f"{text}~")
    return or_(same, begins)


def _rows(
    session: Session, source: Source, test: ColumnElement[bool], name: str
) -> Iterator[Found]:
    query = select(source.table).where(test).order_by(source.table.id.desc())
    for row in session.scalars(query.limit(MOST_OF_A_KIND)):
        yield replace(source.describe(row), by=name)


def _by_transaction(session: Session, tx_hash: str) -> Iterator[Found]:
    sent = select(ChainAttempt.intent_id).where(ChainAttempt.tx_hash == tx_hash)
    for intent in session.scalars(select(ChainIntent).where(ChainIntent.id.in_(sent))):
        yield replace(describe.intent(intent), by="transaction hash")
        yield from _by_id(session, intent.subject_id, "transaction hash")
    touched = select(EscrowEffect.escrow_id).where(EscrowEffect.tx_hash == tx_hash)
    for row in session.scalars(select(Escrow).where(Escrow.id.in_(touched))):
        yield replace(describe.escrow(row), by="transaction hash")


def _by_reference(session: Session, text: str) -> Iterator[Found]:
    """What a caller made under a reference of theirs, such as an order's number in a shop."""
    made = select(IdempotencyKey.resource_id).where(IdempotencyKey.reference == text)
    made = made.where(IdempotencyKey.resource_id.is_not(None))
    for resource_id in session.scalars(made.limit(MOST_OF_A_KIND)):
        yield from _by_id(session, str(resource_id), "reference")


def _by_id(session: Session, thing_id: str, name: str) -> Iterator[Found]:
    prefix = thing_id.partition("_")[0]
    for source in SOURCES:
        if source.prefix == prefix:
            yield from _rows(session, source, source.table.id == thing_id, name)


def _orders_of(session: Session, party_ids: Sequence[str]) -> Iterator[Found]:
    for column in (Order.buyer_id, Order.seller_id):
        query = select(Order).where(column.in_(party_ids)).order_by(Order.id.desc())
        for row in session.scalars(query.limit(MOST_OF_A_KIND)):
            yield replace(describe.order(row), by="buyer" if column is Order.buyer_id else "seller")


def _payments(session: Session, test: ColumnElement[bool], name: str) -> Iterator[Found]:
    query = select(Payment).where(test).order_by(Payment.id.desc())
    for row in session.scalars(query.limit(MOST_OF_A_KIND)):
        yield replace(describe.payment(row), by=name)
