"""Re-encrypts every encrypted column with the keyset's primary key, after a rotation.

It works in short transactions and skips rows in use, so it may run beside live traffic and
again at any time; when nothing is left, the old key can leave the keyset.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, func, select, tuple_
from sqlalchemy.orm import Session

from payments.chain.tables import ChainAttempt
from payments.database import transaction
from payments.invoices.tables import Invoice, InvoiceFile, ProForma
from payments.lifecycle.tables import Payment
from payments.parties.tables import Party
from payments.payouts.tables import PayoutDestination
from payments.privacy.encryption import DecryptionError, FieldCipher
from payments.reconciliation.tables import StatementFile, StatementLine
from payments.webhooks.tables import InboxEvent

BATCH_SIZE = 200


@dataclass(frozen=True)
class EncryptedColumn:
    """A column of ciphertexts; `row_id` is the attributes that name the row, joined by `:`."""

    table: type[
        Party
        | Payment
        | PayoutDestination
        | ChainAttempt
        | InboxEvent
        | StatementFile
        | StatementLine
        | Invoice
        | InvoiceFile
        | ProForma
    ]
    column: str
    row_id: tuple[str, ...] = ("id",)

    def field_of(self, row: object) -> dict[str, str]:
        """Return the table, column and row that the row's ciphertext is tied to."""
        row_id = ":".join(getattr(row, name) for name in self.row_id)
        return {"table": self.table.__tablename__, "column": self.column, "row_id": row_id}

    def made_with_another_key(self, cipher: FieldCipher) -> ColumnElement[bool]:
        """Return the condition for rows that are not encrypted with the primary key."""
        prefix = cipher.primary_prefix
        made_with = func.substr(getattr(self.table, self.column), 1, len(prefix))
        return made_with != prefix


ENCRYPTED_COLUMNS = (
    EncryptedColumn(Party, "name_encrypted"),
    EncryptedColumn(Party, "email_encrypted"),
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
    # The row's number is unknown before the insert, the event's id is not.
    EncryptedColumn(InboxEvent, "payload_encrypted", ("provider", "event_id")),
)


@dataclass(frozen=True)
class Progress:
    """How many fields were re-encrypted, and how many still hold an older key's ciphertext.

    What is left was in use by somebody, or does not decrypt (`unreadable` names those rows).
    """

    reencrypted: int
    left: int
    unreadable: tuple[str, ...] = ()


def rotate_encryption(
    engine: Engine, *, cipher: FieldCipher, batch_size: int = BATCH_SIZE
) -> Progress:
    """Walk every encrypted column once, in transactions of `batch_size` rows."""
    parts = [
        _rotate_column(engine, encrypted, cipher=cipher, batch_size=batch_size)
        for encrypted in ENCRYPTED_COLUMNS
    ]
    return Progress(
        reencrypted=sum(part.reencrypted for part in parts),
        left=sum(part.left for part in parts),
        unreadable=tuple(row for part in parts for row in part.unreadable),
    )


def _rotate_column(
    engine: Engine, encrypted: EncryptedColumn, *, cipher: FieldCipher, batch_size: int
) -> Progress:
    reencrypted = 0
    unreadable: list[str] = []
    after: tuple[str | int, ...] | None = None
    while True:
        with transaction(engine) as session:
            rows = _claim_rows(session, encrypted, cipher=cipher, after=after, limit=batch_size)
            faults = [fault for row in rows if (fault := _reencrypt(row, encrypted, cipher))]
        reencrypted += len(rows) - len(faults)
        unreadable += faults
        if len(rows) < batch_size:
            break
        after = encrypted.table.__mapper__.primary_key_from_instance(rows[-1])
    with transaction(engine) as session:
        left = _count_left(session, encrypted, cipher=cipher)
    return Progress(reencrypted, left, tuple(unreadable))


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
    return None


def _count_left(session: Session, encrypted: EncryptedColumn, *, cipher: FieldCipher) -> int:
    counted = select(func.count()).select_from(encrypted.table)
    return session.scalars(counted.where(encrypted.made_with_another_key(cipher))).one()
