"""Encryption of personal data and secrets, field by field, with a keyset that can rotate.

A ciphertext is tied to its table, column and row: copied anywhere else, it does not decrypt.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from tink import TinkError, aead, json_proto_keyset_format, new_keyset_handle, secret_key_access

PREFIX_BYTES = 5
_KEY_ID_BYTES = 4
_TINK_START_BYTE = b"\x01"
_TAG_KEY_BYTES = 32


class KeysetError(Exception):
    """The text is not a Tink keyset in JSON."""


class DecryptionError(Exception):
    """A ciphertext was changed, belongs to another field, or its key is gone."""


class FieldCipher:
    """Encrypts with the keyset's primary key and decrypts with any of its keys (AES-256-GCM).

    With the keyset in hand it needs nothing else; processes use `data_keys.connect_cipher`.
    """

    def __init__(self, keyset_json: str) -> None:
        aead.register()
        try:
            handle = json_proto_keyset_format.parse(keyset_json, secret_key_access.TOKEN)
            self._aead: aead.Aead = handle.primitive(aead.Aead)
        except TinkError as error:
            raise KeysetError("the encryption keyset is not a Tink AEAD keyset in JSON") from error
        self._tag_keys = _tag_keys(keyset_json)

    @property
    def primary_prefix(self) -> bytes:
        """What every ciphertext of the primary key begins with."""
        return next(iter(self._tag_keys))

    @property
    def prefixes(self) -> frozenset[bytes]:
        """What the ciphertexts of each key begin with."""
        return frozenset(self._tag_keys)

    def read_anew(self) -> "FieldCipher":
        """Return a cipher of all keys there are now."""
        return self

    def encrypt(self, text: str, *, table: str, column: str, row_id: str) -> bytes:
        """Return the ciphertext of `text` for this one field."""
        return self.encrypt_bytes(text.encode(), table=table, column=column, row_id=row_id)

    def encrypt_bytes(self, content: bytes, *, table: str, column: str, row_id: str) -> bytes:
        """Return the ciphertext of a file's bytes for this one field."""
        field = _field(table=table, column=column, row_id=row_id)
        return bytes(self._aead.encrypt(content, field))

    def decrypt(self, ciphertext: bytes, *, table: str, column: str, row_id: str) -> str:
        """Return the text.

        Raises:
            DecryptionError: when the ciphertext was not made for this field with one of our keys.
        """
        return self.decrypt_bytes(ciphertext, table=table, column=column, row_id=row_id).decode()

    def decrypt_bytes(self, ciphertext: bytes, *, table: str, column: str, row_id: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            DecryptionError: as `decrypt`.
        """
        field = _field(table=table, column=column, row_id=row_id)
        try:
            return bytes(self._aead.decrypt(bytes(ciphertext), field))
        except TinkError as error:
            raise DecryptionError(f"{table}.{column} of {row_id} does not decrypt") from error

    def encrypt_optional(
        self, text: str | None, *, table: str, column: str, row_id: str
    ) -> bytes | None:
        """Return the ciphertext, or None for None."""
        if text is None:
            return None
        return self.encrypt(text, table=table, column=column, row_id=row_id)

    def decrypt_optional(
        self, ciphertext: bytes | None, *, table: str, column: str, row_id: str
    ) -> str | None:
        """Return the text, or None for None.

        Raises:
            DecryptionError: as `decrypt`.
        """
        if ciphertext is None:
            return None
        return self.decrypt(ciphertext, table=table, column=column, row_id=row_id)

    def tag(self, text: str, *, table: str, column: str) -> bytes:
        """Return a blind index: the same for the same text in this column, and telling nothing.

        It is HMAC-SHA-256 under a key of its own, behind the prefix of the key it comes from.
        """
        return self._tag(self.primary_prefix, text, table=table, column=column)

    def tags(self, text: str, *, table: str, column: str) -> list[bytes]:
        """Return what `tag` would have returned with each of the keys, to look a row up by."""
        return [
            self._tag(prefix, text, table=table, column=column) for prefix in sorted(self.prefixes)
        ]

    def fingerprints(self, digest: bytes) -> Sequence[bytes]:
        """Return keyed digests of a request's fingerprint, the one to store first.

        The plain digest comes last: requests of before were stored with it.
        """
        keyed = [hmac.digest(key, digest, hashlib.sha256) for key in self._tag_keys.values()]
        return [*keyed, digest]

    def _tag(self, prefix: bytes, text: str, *, table: str, column: str) -> bytes:
        content = json.dumps([table, column, text]).encode()
        return prefix + hmac.digest(self._tag_keys[prefix], content, hashlib.sha256)

    def needs_rotation(self, ciphertext: bytes) -> bool:
        """Whether it was made with a key that is no longer the primary one."""
        return not bytes(ciphertext).startswith(self.primary_prefix)


def new_keyset_json() -> str:
    """Return a fresh keyset with one key."""
    aead.register()
    handle = new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    return str(json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))


def rotated_keyset_json(old: str) -> str:
    """Return `old` with one more key, which becomes the primary one; the old keys still decrypt.

    Give it to every process before running `rotate_encryption`: a process with the old keyset
    cannot read what one with the new keyset wrote.

    Raises:
        KeysetError: when `old` is not a keyset.
    """
    FieldCipher(old)
    keyset = json.loads(old)
    taken = {key["keyId"] for key in keyset["key"]}
    added = json.loads(new_keyset_json())
    while added["primaryKeyId"] in taken:
        added = json.loads(new_keyset_json())
    return json.dumps(
        {"primaryKeyId": added["primaryKeyId"], "key": [*keyset["key"], *added["key"]]}, indent=2
    )


def prefix_of(key_id: int) -> bytes:
    """Return what the ciphertexts of a key begin with."""
    # https://developers.google.com/tink/wire-format: a start byte, then the key's id.
    return _TINK_START_BYTE + key_id.to_bytes(_KEY_ID_BYTES, "big")


def _tag_keys(keyset_json: str) -> dict[bytes, bytes]:
    """Derive a key for tags from each key of a keyset, by its prefix; the primary key's first."""
    keyset = json.loads(keyset_json)
    found = {}
    for key in sorted(keyset["key"], key=lambda key: key["keyId"] != keyset["primaryKeyId"]):
        # RFC 5869: keys for different uses from one, which none of them gives away.
        derive = HKDF(hashes.SHA256(), _TAG_KEY_BYTES, salt=None, info=b"strongroom tag")
        material = base64.b64decode(key["keyData"]["value"])
        found[prefix_of(key["keyId"])] = derive.derive(material)
    return found


def _field(*, table: str, column: str, row_id: str) -> bytes:
    # JSON keeps the three parts apart whatever characters they hold.
    return json.dumps([table, column, row_id]).encode()
