"""The keys that fields are encrypted with: kept in the database, wrapped by the operator's keyset.

Every process reads them anew each few seconds, and at once when it meets a key it does not know:
so a new key needs no restart, and what one process writes every other can read.
"""

import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Engine, LargeBinary, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.database import Base, connect_aside
from payments.privacy.encryption import (
    PREFIX_BYTES,
    DecryptionError,
    FieldCipher,
    KeysetError,
    new_keyset_json,
    prefix_of,
)

FIELDS = "fields"
"""Keys of ciphertexts and blind indexes; they rotate."""

REFERENCES = "references"
"""The key of references' fingerprints, which stay comparable for ever: it does not rotate."""

READ_EVERY_S = 5.0


class DataKey(Base):
    """A key, wrapped; ciphertexts name it by `key_id`. None is `wrapped` once it is retired."""

    __tablename__ = "data_keys"

    key_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str]
    version: Mapped[int]
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_by: Mapped[str]
    created_at: Mapped[dt.datetime]
    closed_at: Mapped[dt.datetime | None]
    retired_at: Mapped[dt.datetime | None]


@dataclass(frozen=True)
class _Loaded:
    """What was read at `at_s` of a monotonic clock."""

    fields: FieldCipher
    references: FieldCipher
    at_s: float


class StoredKeysCipher(FieldCipher):
    """Encrypts with the newest key of the database and decrypts with any of them.

    What was encrypted with the operator's keyset itself, before there were keys in the database,
    decrypts too.
    """

    def __init__(
        self, engine: Engine, keyset_json: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(keyset_json)
        self._keyset_json = keyset_json
        self._engine = connect_aside(engine)
        self._clock = clock
        self._lock = threading.Lock()
        self._unwrapped: dict[int, str] = {}
        self._unknown: set[bytes] = set()
        self._loaded: _Loaded | None = None

    @property
    def primary_prefix(self) -> bytes:
        """What every ciphertext of the newest key begins with."""
        return self._current().fields.primary_prefix

    @property
    def prefixes(self) -> frozenset[bytes]:
        """What the ciphertexts of each key of the database begin with, as it is now."""
        return self.read_anew().prefixes

    def read_anew(self) -> FieldCipher:
        """Read the keys now; return a cipher of them."""
        return self._read(asked_at_s=self._clock()).fields

    def encrypt_bytes(self, content: bytes, *, table: str, column: str, row_id: str) -> bytes:
        """Return the ciphertext of a file's bytes for this one field."""
        fields = self._current().fields
        return fields.encrypt_bytes(content, table=table, column=column, row_id=row_id)

    def decrypt_bytes(self, ciphertext: bytes, *, table: str, column: str, row_id: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            DecryptionError: when the ciphertext was not made for this field with one of our keys.
        """
        field = {"table": table, "column": column, "row_id": row_id}
        prefix = bytes(ciphertext[:PREFIX_BYTES])
        if prefix in super().prefixes:
            return super().decrypt_bytes(ciphertext, **field)
        return self._knowing(prefix).fields.decrypt_bytes(ciphertext, **field)

    def tag(self, text: str, *, table: str, column: str) -> bytes:
        """Return a blind index made with the newest key."""
        return self._current().fields.tag(text, table=table, column=column)

    def tags(self, text: str, *, table: str, column: str) -> list[bytes]:
        """Return the blind indexes of each key there is now, to look a row up by."""
        return self.read_anew().tags(text, table=table, column=column)

    def fingerprints(self, digest: bytes) -> Sequence[bytes]:
        """Return keyed digests of a request's fingerprint, the one to store first."""
        return self._current().references.fingerprints(digest)

    def _current(self) -> _Loaded:
        loaded = self._loaded
        if loaded is None:
            return self._read(asked_at_s=self._clock())
        if self._clock() - loaded.at_s < READ_EVERY_S or not self._lock.acquire(blocking=False):
            return loaded  # fresh, or somebody is just reading
        try:
            return self._load()
        finally:
            self._lock.release()

    def _knowing(self, prefix: bytes) -> _Loaded:
        loaded = self._current()
        if prefix in loaded.fields.prefixes or prefix in self._unknown:
            return loaded
        loaded = self._read(asked_at_s=self._clock())
        if prefix not in loaded.fields.prefixes and len(self._unknown) < _MOST_UNKNOWN:
            # A key is there before what it encrypts: asking for this one again is of no use.
            self._unknown.add(prefix)
        return loaded

    def _read(self, *, asked_at_s: float) -> _Loaded:
        with self._lock:
            if self._loaded is not None and self._loaded.at_s > asked_at_s:
                return self._loaded  # somebody else did, since we asked
            return self._load()

    def _load(self) -> _Loaded:
        at_s = self._clock()
        # No transaction of anybody's deed: a deed waits for the keys to have its reason encrypted.
        with self._engine.begin() as connection, Session(connection) as session:
            rows = _live_keys(session)
            for kind in {FIELDS, REFERENCES} - {row.kind for row in rows}:
                _add_first(session, kind, wrapping=self._keyset_json)
                rows = _live_keys(session)
        self._loaded = _Loaded(
            self._cipher_of(rows, FIELDS), self._cipher_of(rows, REFERENCES), at_s
        )
        return self._loaded

    def _cipher_of(self, rows: Iterable[DataKey], kind: str) -> FieldCipher:
        keysets = [self._unwrap(row) for row in rows if row.kind == kind]
        readable = [json.loads(keyset) for keyset in keysets if keyset is not None]
        if not readable:
            raise KeysetError(f"ENCRYPTION_KEYSET unwraps none of the data keys ({kind})")
        joined = {
            "primaryKeyId": readable[0]["primaryKeyId"],
            "key": [key for keyset in readable for key in keyset["key"]],
        }
        return FieldCipher(json.dumps(joined))

    def _unwrap(self, row: DataKey) -> str | None:
        # What was unwrapped once is kept: this process may have been given the operator's keyset
        # of yesterday, while the keys are wrapped with today's.
        if row.key_id not in self._unwrapped and row.wrapped is not None:
            try:
                plain = FieldCipher(self._keyset_json).decrypt(row.wrapped, **wrapping_field(row))
            except DecryptionError:
                return None
            self._unwrapped[row.key_id] = plain
        return self._unwrapped.get(row.key_id)


_MOST_UNKNOWN = 1_000


def connect_cipher(engine: Engine, keyset_json: str) -> StoredKeysCipher:
    """Return the cipher of a process; the database is asked when it first encrypts.

    Raises:
        KeysetError: when `keyset_json` is not a keyset.
    """
    return StoredKeysCipher(engine, keyset_json)


def wrapping_field(key: DataKey) -> dict[str, str]:
    """Return what a wrapped key is tied to."""
    return {"table": "data_keys", "column": "wrapped", "row_id": f"{key.kind}:{key.key_id}"}


def add_key(
    session: Session, kind: str, *, keyset_json: str, created_by: str, now: dt.datetime
) -> DataKey:
    """Add a key, which everybody encrypts with from now on; the older ones still decrypt.

    It is wrapped like the newest one there, so that a process with yesterday's ENCRYPTION_KEYSET
    can read it as well; `rewrap` turns to the keyset's primary key.
    """
    newest = next((row for row in _live_keys(session) if row.kind == kind), None)
    version = select(func.coalesce(func.max(DataKey.version), 0) + 1).where(DataKey.kind == kind)
    wrapping = _wrapping_like(newest, keyset_json)
    key = _new_key(kind, session.scalars(version).one(), wrapping, created_by=created_by, now=now)
    session.add(key)
    session.flush()
    return key


def rewrap(session: Session, *, keyset_json: str) -> int:
    """Wrap every key with the keyset's primary key; return how many were wrapped otherwise.

    Raises:
        DecryptionError: one is wrapped by a key that is not in the keyset.
    """
    cipher, rewrapped = FieldCipher(keyset_json), 0
    for row in _live_keys(session, lock=True):
        if row.wrapped is not None and cipher.needs_rotation(row.wrapped):
            plain = cipher.decrypt(row.wrapped, **wrapping_field(row))
            row.wrapped = cipher.encrypt(plain, **wrapping_field(row))
            rewrapped += 1
    return rewrapped


def _live_keys(session: Session, *, lock: bool = False) -> list[DataKey]:
    """Return the keys that are not retired, the newest of each kind first."""
    found = select(DataKey).where(DataKey.retired_at.is_(None)).order_by(DataKey.version.desc())
    if lock:
        found = found.with_for_update()
    return list(session.scalars(found.execution_options(populate_existing=True)))


def _add_first(session: Session, kind: str, *, wrapping: str) -> None:
    """Add the first key of a kind, unless another process has just done so."""
    now = session.scalars(select(func.statement_timestamp())).one()
    key = _new_key(kind, 1, wrapping, created_by="first-use", now=now)
    columns = ("key_id", "kind", "version", "wrapped", "created_by", "created_at")
    values: dict[str, Any] = {name: getattr(key, name) for name in columns}
    session.execute(
        insert(DataKey).values(values).on_conflict_do_nothing(index_elements=["kind", "version"])
    )


def _new_key(
    kind: str, version: int, wrapping: str, *, created_by: str, now: dt.datetime
) -> DataKey:
    taken = FieldCipher(wrapping).prefixes
    keyset = new_keyset_json()
    while prefix_of(json.loads(keyset)["primaryKeyId"]) in taken:
        keyset = new_keyset_json()
    key = DataKey(
        key_id=json.loads(keyset)["primaryKeyId"],
        kind=kind,
        version=version,
        created_by=created_by,
        created_at=now,
    )
    key.wrapped = FieldCipher(wrapping).encrypt(keyset, **wrapping_field(key))
    return key


def _wrapping_like(key: DataKey | None, keyset_json: str) -> str:
    """Return the keyset with the key as its primary that `key` is wrapped with, if it has it."""
    keyset = json.loads(keyset_json)
    if key is not None and key.wrapped is not None:
        for one in keyset["key"]:
            if key.wrapped.startswith(prefix_of(one["keyId"])):
                keyset["primaryKeyId"] = one["keyId"]
    return json.dumps(keyset)
