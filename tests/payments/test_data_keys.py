"""Data keys lie wrapped in the database; whoever meets a new one reads it at once."""

import datetime as dt

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from payments.access.caller import Caller, Role
from payments.at_rest.encrypt_anew import encrypt_anew
from payments.at_rest.read_encryption import read_encryption
from payments.at_rest.request_rotation import request_rotation
from payments.at_rest.retire_keys import CLOSE_AFTER, retire_keys
from payments.at_rest.tables import EncryptionRun
from payments.database import transaction
from payments.parties.create_party import create_party
from payments.parties.email_index import find_parties
from payments.parties.tables import Party
from payments.parties.view import view_party
from payments.privacy.data_keys import FIELDS, StoredKeysCipher, add_key, connect_cipher, rewrap
from payments.privacy.encryption import (
    DecryptionError,
    FieldCipher,
    KeysetError,
    new_keyset_json,
    rotated_keyset_json,
)
from tests.payments.shop import KEYSET, SERVICE, new_reference

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
FIELD = {"table": "parties", "column": "name_encrypted", "row_id": "pty_1"}
ADMIN = Caller(principal="command:test", role=Role.ADMIN)


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def add_party(engine: Engine, cipher: FieldCipher, name: str) -> str:
    with transaction(engine) as session:
        return create_party(
            session,
            caller=SERVICE,
            reference=new_reference(),
            name=name,
            email=f"{name}@Example.test",
            now=NOW,
            cipher=cipher,
        ).resource.id


def rotate(engine: Engine, *, now: dt.datetime = NOW, keyset: str = KEYSET) -> str:
    with transaction(engine) as session:
        return request_rotation(
            session,
            caller=ADMIN,
            reference=new_reference(),
            keyset_json=keyset,
            now=now,
            request_id=None,
        ).resource.id


def walk(engine: Engine, cipher: StoredKeysCipher) -> None:
    while encrypt_anew(engine, cipher=cipher, clock=lambda: NOW) is False:
        pass


def states(engine: Engine, *, keyset: str = KEYSET) -> list[tuple[int, str, int | None]]:
    with transaction(engine) as session:
        view = read_encryption(session, keyset_json=keyset, count=True)
    return [(key.version, key.state, key.fields) for key in view.keys]


def test_no_key_lies_in_the_database_in_the_clear(fresh_engine: Engine) -> None:
    cipher = connect_cipher(fresh_engine, KEYSET)
    ciphertext = cipher.encrypt("Ada", **FIELD)
    with pytest.raises(DecryptionError):
        FieldCipher(KEYSET).decrypt(ciphertext, **FIELD)  # the operator's keyset only wraps
    with pytest.raises(KeysetError, match="unwraps none"):
        connect_cipher(fresh_engine, new_keyset_json()).decrypt(ciphertext, **FIELD)
    assert connect_cipher(fresh_engine, KEYSET).decrypt(ciphertext, **FIELD) == "Ada"


def test_processes_that_begin_at_once_agree_on_the_first_key(fresh_engine: Engine) -> None:
    ciphers = [connect_cipher(fresh_engine, KEYSET) for _ in range(3)]
    ciphertexts = [cipher.encrypt("Ada", **FIELD) for cipher in ciphers]
    assert {cipher.decrypt(one, **FIELD) for cipher in ciphers for one in ciphertexts} == {"Ada"}
    assert len({cipher.primary_prefix for cipher in ciphers}) == 1


def test_a_key_of_another_process_is_read_when_it_is_met(fresh_engine: Engine) -> None:
    clock = Clock()
    early = StoredKeysCipher(fresh_engine, KEYSET, clock=clock)
    before = early.encrypt("Ada", **FIELD)
    rotate(fresh_engine)
    late = connect_cipher(fresh_engine, KEYSET)
    ciphertext = late.encrypt("Grace", **FIELD)
    clock.now_s = 1.0
    assert early.encrypt("Ada", **FIELD)[:5] == before[:5]  # it has not looked again yet
    assert early.decrypt(ciphertext, **FIELD) == "Grace"  # and need not have
    assert early.encrypt("Ada", **FIELD)[:5] == ciphertext[:5]


def test_a_new_key_is_written_with_within_seconds(fresh_engine: Engine) -> None:
    clock = Clock()
    cipher = StoredKeysCipher(fresh_engine, KEYSET, clock=clock)
    before = cipher.encrypt("Ada", **FIELD)
    rotate(fresh_engine)
    clock.now_s = 5.0
    assert cipher.encrypt("Ada", **FIELD)[:5] != before[:5]


def test_what_the_keyset_itself_encrypted_before_still_decrypts_and_is_moved(
    fresh_engine: Engine,
) -> None:
    party_id = add_party(fresh_engine, FieldCipher(KEYSET), "Ada")
    cipher = connect_cipher(fresh_engine, KEYSET)
    with transaction(fresh_engine) as session:
        assert view_party(session.get_one(Party, party_id), cipher=cipher).name == "Ada"
        assert find_parties(session, email="ada@example.test", cipher=cipher) == []
        view = read_encryption(session, keyset_json=KEYSET, count=True)
    assert view.by_keyset_itself == 3  # name, e-mail, and its index
    rotate(fresh_engine)
    walk(fresh_engine, cipher)
    with transaction(fresh_engine) as session:
        view = read_encryption(session, keyset_json=KEYSET, count=True)
        found = find_parties(session, email=" ADA@example.TEST", cipher=cipher)
    assert view.by_keyset_itself == 0
    assert [party.id for party in found] == [party_id]


def test_an_old_key_is_destroyed_only_when_nothing_can_need_it(fresh_engine: Engine) -> None:
    cipher = connect_cipher(fresh_engine, KEYSET)
    party_id = add_party(fresh_engine, cipher, "Ada")
    run_id = rotate(fresh_engine)
    later = NOW + CLOSE_AFTER
    walk(fresh_engine, cipher)
    assert retire_keys(fresh_engine, cipher=cipher, now=later - dt.timedelta(seconds=1)) == 0
    assert states(fresh_engine) == [(2, "newest", 3), (1, "old", 0)]
    # A transaction that may have written with it is still open: closed, and not destroyed.
    with transaction(fresh_engine) as writing:
        writing.execute(text("SELECT pg_current_xact_id()"))
        assert retire_keys(fresh_engine, cipher=cipher, now=later) == 0
        assert states(fresh_engine)[1] == (1, "closed", 0)
    assert retire_keys(fresh_engine, cipher=cipher, now=later) == 1
    assert states(fresh_engine) == [(2, "newest", 3), (1, "retired", 0)]
    with transaction(fresh_engine) as session:
        assert session.scalar(text("SELECT count(wrapped) FROM strongroom.data_keys")) == 2
        party = view_party(session.get_one(Party, party_id), cipher=cipher)
        run = session.get_one(EncryptionRun, run_id)
    assert party.email == "Ada@Example.test"
    assert (run.status, run.fields, run.encrypted, run.unreadable) == ("done", 2, 2, 0)


def test_who_slept_over_a_rotation_cannot_write_with_the_old_key(fresh_engine: Engine) -> None:
    clock = Clock()
    asleep = StoredKeysCipher(fresh_engine, KEYSET, clock=clock)
    party_id = add_party(fresh_engine, asleep, "Ada")
    rotate(fresh_engine)
    awake = connect_cipher(fresh_engine, KEYSET)
    walk(fresh_engine, awake)
    retire_keys(fresh_engine, cipher=awake, now=NOW + CLOSE_AFTER)
    with pytest.raises(OperationalError, match="replaced long ago"):
        add_party(fresh_engine, asleep, "Grace")  # its clock stands still
    field = {"table": "parties", "row_id": party_id}
    stale = asleep.encrypt("Eve", column="name_encrypted", **field)
    with pytest.raises(OperationalError, match="replaced"), transaction(fresh_engine) as session:
        session.get_one(Party, party_id).name_encrypted = stale
    clock.now_s = 6.0  # it looks at the keys again
    assert add_party(fresh_engine, asleep, "Grace")


def test_a_rewrap_changes_what_wraps_the_keys_and_no_field(fresh_engine: Engine) -> None:
    old = connect_cipher(fresh_engine, KEYSET)
    party_id = add_party(fresh_engine, old, "Ada")
    both = rotated_keyset_json(KEYSET)
    with transaction(fresh_engine) as session:  # wrapped so that a process with KEYSET reads it
        add_key(session, FIELDS, keyset_json=both, created_by="test", now=NOW)
    assert connect_cipher(fresh_engine, KEYSET).encrypt("Ada", **FIELD)
    with transaction(fresh_engine) as session:
        before = session.get_one(Party, party_id).name_encrypted
        assert rewrap(session, keyset_json=both) == 3
        assert rewrap(session, keyset_json=both) == 0
    with transaction(fresh_engine) as session:
        party = session.get_one(Party, party_id)
        assert party.name_encrypted == before
        assert view_party(party, cipher=connect_cipher(fresh_engine, both)).name == "Ada"
        assert view_party(party, cipher=old).name == "Ada"  # it had unwrapped it before
        view = read_encryption(session, keyset_json=both)
    assert [key.wrapped_by_primary for key in view.keys] == [True, True]
    with pytest.raises(KeysetError):
        connect_cipher(fresh_engine, KEYSET).encrypt("Ada", **FIELD)
