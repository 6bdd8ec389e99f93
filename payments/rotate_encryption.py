"""Re-encrypts every encrypted column with the newest key, after a rotation.

It works in short transactions and skips rows in use, so it may run beside live traffic, in several
processes, and again at any time: a row is encrypted with the old key or with the new one.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, LargeBinary, func, or_, select, text, tuple_
from sqlalchemy.orm import Session

from payments.audit.tables import AuditEntry
from payments.chain.tables import ChainAttempt
from payments.database import Base, transaction
from payments.invoices.tables import Invoice, InvoiceFile, ProForma
from payments.lifecycle.tables import Payment
from payments.notices.tables import NoticeSecret
from payments.parties.email_index import index_of
from payments.parties.tables import Party
from payments.payouts.tables import PayoutDestination
from payments.privacy.encryption import PREFIX_BYTES, DecryptionError, FieldCipher
from payments.reconciliation.tables import StatementFile, StatementLine
from payments.secret_versions.tables import SecretVersion
from payments.webhooks.tables import InboxEvent

BATCH_SIZE = 200
_COUNTING_MAY_TAKE = "15min"

Position = tuple[int, tuple[str | int, ...] | None]
"""How far a walk has come: the number of the column, and the primary key of the last row."""


@dataclass(frozen=True)
class EncryptedColumn:
    """A column of ciphertexts; `row_id` is the attributes that name the row, joined by `:`.

    `index` is the column of its blind index, which `index_of` computes from the text.
    """

    table: type[Base]
    column: str
    row_id: tuple[str, ...] = ("id",)
    index: str | None = None
    index_of: Callable[..., bytes] | None = None

    def field_of(self, row: object) -> dict[str, str]:
        """Return the table, column and row that the row's ciphertext is tied to."""
        row_id = ":".join(getattr(row, name) for name in self.row_id)
        return {"table": self.table.__tablename__, "column": self.column, "row_id": row_id}

    def made_with_another_key(self, cipher: FieldCipher) -> ColumnElement[bool]:
        """Return the condition for rows that are not encrypted, or indexed, with the newest key."""
        primary = cipher.primary_prefix
        content = getattr(self.table, self.column)
        is_old = _prefix_of(content) != primary
        if self.index is None:
            return is_old
        return or_(
            is_old,
            content.is_not(None)
            & _prefix_of(func.coalesce(getattr(self.table, self.index), b"")).is_distinct_from(
                primary
            ),
        )

    def prefixes(self) -> Iterator[ColumnElement[bytes]]:
        """Give what names the key in each column."""
        for name in (self.column, self.index):
            if name is not None:
                yield _prefix_of(getattr(self.table, name))


ENCRYPTED_COLUMNS = (
    EncryptedColumn(AuditEntry, "reason_encrypted"),
    EncryptedColumn(Party, "name_encrypted"),
    EncryptedColumn(Party, "email_encrypted", index="email_index", index_of=index_of),
    EncryptedColumn(Party, "address_encrypted"),
    EncryptedColumn(Party, "tax_id_encrypted"),
    EncryptedColumn(Payment, "client_secret_encrypted"),
    EncryptedColumn(Payment, "checkout_url_encrypted"),
    EncryptedColumn(Payment, "link_url_encrypted"),
    EncryptedColumn(PayoutDestination, "destination_encrypted"),
    EncryptedColumn(ChainAttempt, "raw_encrypted", ("tx_hash",)),
    EncryptedColumn(StatementFile, "content_encrypted"),
    EncryptedColumn(StatementLine, "details_encrypted"),
    EncryptedColumn(Invoice, "content_encrypted"),
    EncryptedColumn(InvoiceFile, "content_encrypted", ("invoice_id", "format")),
    EncryptedColumn(ProForma, "content_encrypted", ("order_id",)),
    EncryptedColumn(SecretVersion, "value_encrypted"),
    EncryptedColumn(NoticeSecret, "secret_encrypted"),
    # The row's number is unknown before the insert, the event's id is not.
    EncryptedColumn(InboxEvent, "payload_encrypted", ("provider", "event_id")),
)


@dataclass(frozen=True)
class Batch:
    """What became of some rows, and where the next ones are; None: that was the whole walk."""

    reencrypted: int
    unreadable: tuple[str, ...]
    then: Position | None


@dataclass(frozen=True)
class Progress:
    """How many fields were re-encrypted, and how many still hold an older key's ciphertext.

    `left` is None when the walk was stopped: then they are not counted. What is left was in use by
    somebody, or does not decrypt (`unreadable` names those rows).
    """

    reencrypted: int
    left: int | None
    unreadable: tuple[str, ...] = ()


def rotate_encryption(
    engine: Engine,
    *,
    cipher: FieldCipher,
    batch_size: int = BATCH_SIZE,
    start: Position = (0, None),
    written: Callable[[Session, Batch], None] = lambda _session, _batch: None,
    goes_on: Callable[[], bool] = lambda: True,
) -> Progress:
    """Walk every encrypted column once from `start`, in transactions of `batch_size` rows.

    `written` is told of each batch, in its transaction; then `goes_on` says whether to go on.
    """
    reencrypted = 0
    unreadable: list[str] = []
    position: Position | None = start
    while position is not None:
        with transaction(engine) as session:
            batch = _take_batch(session, position, cipher, limit=batch_size)
            written(session, batch)
        reencrypted += batch.reencrypted
        unreadable += batch.unreadable
        position = batch.then
        if position is not None and not goes_on():
            return Progress(reencrypted, None, tuple(unreadable))
    with transaction(engine) as session:
        left = count_left(session, cipher=cipher)
    return Progress(reencrypted, left, tuple(unreadable))


def count_left(session: Session, *, cipher: FieldCipher) -> int:
    """Return how many fields are still encrypted with an older key; reads every table."""
    _take_time(session)
    return sum(
        session.scalars(
            select(func.count())
            .select_from(encrypted.table)
            .where(encrypted.made_with_another_key(cipher))
        ).one()
        for encrypted in ENCRYPTED_COLUMNS
    )


def count_by_key(session: Session) -> Counter[bytes]:
    """Return how many fields begin with the prefix of each key; reads every table."""
    _take_time(session)
    uses: Counter[bytes] = Counter()
    for encrypted in ENCRYPTED_COLUMNS:
        for prefix in encrypted.prefixes():
            counted = select(prefix, func.count()).where(prefix.is_not(None)).group_by(prefix)
            for found, count in session.execute(counted):
                uses[bytes(found)] += count
    return uses


def _take_batch(session: Session, position: Position, cipher: FieldCipher, *, limit: int) -> Batch:
    number, after = position
    encrypted = ENCRYPTED_COLUMNS[number]
    rows = _claim_rows(session, encrypted, cipher=cipher, after=after, limit=limit)
    faults = [fault for row in rows if (fault := _reencrypt(row, encrypted, cipher))]
    then: Position | None = (number + 1, None) if number + 1 < len(ENCRYPTED_COLUMNS) else None
    if len(rows) == limit:
        then = number, tuple(encrypted.table.__mapper__.primary_key_from_instance(rows[-1]))
    return Batch(len(rows) - len(faults), tuple(faults), then)


def _claim_rows(
    session: Session,
    encrypted: EncryptedColumn,
    *,
    cipher: FieldCipher,
    after: tuple[str | int, ...] | None,
    limit: int,
) -> list[Any]:
    key = encrypted.table.__mapper__.primary_key
    found = (
        select(encrypted.table)
        .where(encrypted.made_with_another_key(cipher))
        .order_by(*key)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    # Rows that do not decrypt keep matching: go on behind them.
    return list(session.scalars(found if after is None else found.where(tuple_(*key) > after)))


def _reencrypt(row: object, encrypted: EncryptedColumn, cipher: FieldCipher) -> str | None:
    """Return what is wrong with the row, or None when it was re-encrypted."""
    field = encrypted.field_of(row)
    try:
        content = cipher.decrypt_bytes(getattr(row, encrypted.column), **field)
    except DecryptionError as error:
        return str(error)
    setattr(row, encrypted.column, cipher.encrypt_bytes(content, **field))
    if encrypted.index is not None and encrypted.index_of is not None:
        setattr(row, encrypted.index, encrypted.index_of(content.decode(), cipher=cipher))
    return None


def _prefix_of(ciphertext: ColumnElement[Any]) -> ColumnElement[bytes]:
    return func.substr(ciphertext, 1, PREFIX_BYTES, type_=LargeBinary)


def _take_time(session: Session) -> None:
    session.execute(text(f"SET LOCAL statement_timeout = '{_COUNTING_MAY_TAKE}'"))
