"""Fields are encrypted for one place only, and keysets rotate without losing anything."""

import json

import pytest

from payments.privacy.encryption import (
    DecryptionError,
    FieldCipher,
    KeysetError,
    new_keyset_json,
    rotated_keyset_json,
)

NAME = {"table": "parties", "column": "name_encrypted", "row_id": "pty_1"}


@pytest.fixture(scope="module")
def keyset() -> str:
    return new_keyset_json()


@pytest.mark.parametrize("text", ["", "Ada", "naïve 🐘 名前", "x" * 100_000])
def test_what_was_encrypted_reads_back(keyset: str, text: str) -> None:
    ciphertext = FieldCipher(keyset).encrypt(text, **NAME)
    assert FieldCipher(keyset).decrypt(ciphertext, **NAME) == text
    assert not text or text.encode() not in ciphertext


def test_the_same_text_never_has_the_same_ciphertext_twice(keyset: str) -> None:
    cipher = FieldCipher(keyset)
    assert cipher.encrypt("Ada", **NAME) != cipher.encrypt("Ada", **NAME)


@pytest.mark.parametrize(
    "elsewhere",
    [
        NAME | {"row_id": "pty_2"},
        NAME | {"column": "email_encrypted"},
        NAME | {"table": "payments"},
        {"table": "parties", "column": 'name_encrypted", "pty', "row_id": "1"},
    ],
)
def test_a_ciphertext_copied_elsewhere_is_refused(keyset: str, elsewhere: dict[str, str]) -> None:
    cipher = FieldCipher(keyset)
    ciphertext = cipher.encrypt("Ada", **NAME)
    with pytest.raises(DecryptionError):
        cipher.decrypt(ciphertext, **elsewhere)


def test_a_changed_ciphertext_is_refused(keyset: str) -> None:
    cipher = FieldCipher(keyset)
    ciphertext = cipher.encrypt("Ada", **NAME)
    with pytest.raises(DecryptionError, match="name_encrypted of pty_1"):
        cipher.decrypt(ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]), **NAME)
    with pytest.raises(DecryptionError):
        cipher.decrypt(b"", **NAME)


def test_nothing_stays_nothing(keyset: str) -> None:
    cipher = FieldCipher(keyset)
    assert cipher.encrypt_optional(None, **NAME) is None
    assert cipher.decrypt_optional(None, **NAME) is None
    assert cipher.decrypt_optional(cipher.encrypt_optional("Ada", **NAME), **NAME) == "Ada"


def test_a_rotated_keyset_reads_the_old_and_writes_the_new(keyset: str) -> None:
    old = FieldCipher(keyset)
    rotated = FieldCipher(rotated_keyset_json(keyset))
    ciphertext = old.encrypt("Ada", **NAME)
    assert not old.needs_rotation(ciphertext)
    assert rotated.needs_rotation(ciphertext)
    assert rotated.decrypt(ciphertext, **NAME) == "Ada"
    again = rotated.encrypt("Ada", **NAME)
    assert not rotated.needs_rotation(again)
    with pytest.raises(DecryptionError):
        old.decrypt(again, **NAME)


def test_rotation_keeps_every_key(keyset: str) -> None:
    twice = json.loads(rotated_keyset_json(rotated_keyset_json(keyset)))
    assert len({key["keyId"] for key in twice["key"]}) == 3
    assert twice["primaryKeyId"] == twice["key"][-1]["keyId"]


@pytest.mark.parametrize("text", ["", "{}", '{"key": []}', "not json", '{"primaryKeyId": 1}'])
def test_a_bad_keyset_is_named(text: str) -> None:
    with pytest.raises(KeysetError):
        FieldCipher(text)
