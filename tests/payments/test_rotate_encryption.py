"""After a rotation everything is re-encrypted, beside live traffic, and reads back."""

import datetime as dt

import pytest
from sqlalchemy import Engine, select, update

from payments.database import connect_engine, transaction
from payments.identifiers import new_id
from payments.parties.tables import Party
from payments.privacy.encryption import (
    DecryptionError,
    FieldCipher,
    new_keyset_json,
    rotated_keyset_json,
)
from payments.rotate_encryption import ENCRYPTED_COLUMNS, Progress, rotate_encryption
from payments.webhooks.tables import InboxEvent

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


def party(number: int, cipher: FieldCipher) -> Party:
    party_id = new_id("pty", now=NOW)

    def encrypted(column: str, text: str) -> bytes:
        return cipher.encrypt(text, table="parties", column=column, row_id=party_id)

    return Party(
        id=party_id,
        kyc_level="none",
        country="DE",
        name_encrypted=encrypted("name_encrypted", f"Name {number}"),
        email_encrypted=encrypted("email_encrypted", f"{number}@example.test"),
        address_encrypted=None,
        tax_id_encrypted=None,
        created_at=NOW,
        updated_at=NOW,
    )


def inbox_event(number: int, cipher: FieldCipher) -> InboxEvent:
    field = {"table": "webhook_inbox", "column": "payload_encrypted"}
    return InboxEvent(
        provider="stripe",
        event_id=f"evt_{number}",
        event_type="payment_intent.succeeded",
        occurred_at=NOW,
        payload_encrypted=cipher.encrypt(f"{number}", **field, row_id=f"stripe:evt_{number}"),
        received_at=NOW,
        state="new",
        attempts=0,
        due_at=NOW,
    )


def test_a_rotation_re_encrypts_everything_in_batches(fresh_database_url: str) -> None:
    engine = connect_engine(fresh_database_url)
    old_keyset = new_keyset_json()
    old = FieldCipher(old_keyset)
    new = FieldCipher(rotated_keyset_json(old_keyset))
    with transaction(engine) as session:
        session.add_all(party(number, old) for number in range(7))
        session.add_all(inbox_event(number, old) for number in range(5))

    assert rotate_encryption(engine, cipher=new, batch_size=3) == Progress(reencrypted=19, left=0)
    assert rotate_encryption(engine, cipher=new, batch_size=3) == Progress(reencrypted=0, left=0)

    with transaction(engine) as session:
        for encrypted in ENCRYPTED_COLUMNS:
            for row in session.scalars(select(encrypted.table)):
                ciphertext = getattr(row, encrypted.column)
                if ciphertext is not None:
                    assert not new.needs_rotation(ciphertext)
                    assert new.decrypt(ciphertext, **encrypted.field_of(row))
    engine.dispose()


def test_rows_in_use_are_left_for_the_next_run(fresh_database_url: str) -> None:
    engine = connect_engine(fresh_database_url)
    keyset = new_keyset_json()
    with transaction(engine) as session:
        session.add_all(inbox_event(number, FieldCipher(keyset)) for number in range(3))
    new = FieldCipher(rotated_keyset_json(keyset))
    with transaction(engine) as session:
        session.scalars(select(InboxEvent).filter_by(event_id="evt_1").with_for_update()).one()
        assert rotate_encryption(engine, cipher=new) == Progress(reencrypted=2, left=1)
    assert rotate_encryption(engine, cipher=new) == Progress(reencrypted=1, left=0)
    engine.dispose()


def test_a_row_that_does_not_decrypt_is_named_and_holds_nobody_up(
    fresh_database_url: str,
) -> None:
    engine = connect_engine(fresh_database_url)
    keyset = new_keyset_json()
    with transaction(engine) as session:
        session.add_all(inbox_event(number, FieldCipher(keyset)) for number in range(4))
    swap_payloads(engine, "evt_0", "evt_1")
    new = FieldCipher(rotated_keyset_json(keyset))
    progress = rotate_encryption(engine, cipher=new, batch_size=1)
    assert (progress.reencrypted, progress.left) == (2, 2)
    assert [row.split(" of ")[1] for row in progress.unreadable] == [
        "stripe:evt_0 does not decrypt",
        "stripe:evt_1 does not decrypt",
    ]
    engine.dispose()


def test_a_ciphertext_from_another_row_is_refused(engine: Engine) -> None:
    cipher = FieldCipher(new_keyset_json())
    with transaction(engine) as session:
        first, second = party(1, cipher), party(2, cipher)
        session.add_all([first, second])
    with transaction(engine) as session:
        for party_id, name in (
            (first.id, second.name_encrypted),
            (second.id, first.name_encrypted),
        ):
            session.execute(update(Party).filter_by(id=party_id).values(name_encrypted=name))
    with transaction(engine) as session:
        row = session.get_one(Party, first.id)
        field = {"table": "parties", "row_id": row.id}
        assert cipher.decrypt(row.email_encrypted or b"", column="email_encrypted", **field)
        with pytest.raises(DecryptionError):
            cipher.decrypt(row.name_encrypted or b"", column="name_encrypted", **field)


def swap_payloads(engine: Engine, one: str, other: str) -> None:
    with transaction(engine) as session:
        first, second = (
            session.scalars(select(InboxEvent).filter_by(event_id=event_id)).one()
            for event_id in (one, other)
        )
        first.payload_encrypted, second.payload_encrypted = (
            second.payload_encrypted,
            first.payload_encrypted,
        )
