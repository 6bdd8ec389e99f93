"""Proves that the audit log is what was sealed, and names each entry that is not."""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from payments.audit.deed import digest_of, reason_in
from payments.privacy.encryption import DecryptionError, FieldCipher

BEGINNING = bytes(32)
"""The chain hash before the first seal."""

_LEAST_NUMBER = -(2**63)

_SEALS = text("SELECT * FROM strongroom.audit_seals WHERE number > :after ORDER BY number LIMIT 1")
_ENTRIES = text(
    "SELECT e.number, e.id, strongroom.audit_text(e) AS text, e.reason_encrypted, e.reason_digest"
    "  FROM strongroom.audit_entries e WHERE e.number > :after AND e.number <= :upto"
    " ORDER BY e.number"
)


class Fault(NamedTuple):
    """What is wrong: in `seal`, and with which `entry` (its number) when it is one."""

    seal: int
    entry: int | None
    reason: str


class Anchor(NamedTuple):
    """The newest seal; keep it outside the database."""

    number: int
    upto_entry: int
    chain_hash: bytes

    def __str__(self) -> str:
        """Return it as `verify` takes it."""
        return f"{self.number}:{self.chain_hash.hex()}"


def last_audit_seal(connection: Connection) -> Anchor | None:
    """Return the newest seal."""
    row = connection.execute(
        text(
            "SELECT number, upto_entry, chain_hash FROM strongroom.audit_seals"
            " ORDER BY number DESC LIMIT 1"
        )
    ).one_or_none()
    return None if row is None else Anchor(row.number, row.upto_entry, bytes(row.chain_hash))


def audit_faults(
    connection: Connection,
    *,
    anchor: tuple[int, bytes] | None = None,
    cipher: FieldCipher | None = None,
) -> Iterator[Fault]:
    """Compute every seal again from the entries and yield what does not fit.

    `anchor` is the number and the chain hash of a seal noted down outside the database: it shows a
    chain that was made anew as a whole. With a `cipher`, reasons are compared with their digests.
    """
    before, upto, number, seen_anchor = BEGINNING, 0, 0, anchor is None
    while (seal := connection.execute(_SEALS, {"after": number}).one_or_none()) is not None:
        if seal.number != number + 1:
            yield Fault(number + 1, None, "the seal is missing")
        number = seal.number
        yield from _faults_of_seal(seal, before=before, upto=upto)
        yield from _faults_of_entries(connection, seal, upto=upto, cipher=cipher)
        before, upto = bytes(seal.chain_hash), seal.upto_entry
        if anchor is not None and number == anchor[0]:
            seen_anchor = True
            if before != anchor[1]:
                yield Fault(number, None, "it differs from the anchor: the chain was made anew")
    if anchor is not None and not seen_anchor:
        yield Fault(anchor[0], None, "the seal of the anchor is missing")


def _faults_of_seal(seal: Row[Any], *, before: bytes, upto: int) -> Iterator[Fault]:
    if seal.from_entry != upto:
        yield Fault(seal.number, None, f"it begins after entry {seal.from_entry}, not {upto}")
    if hashlib.sha256(bytes(seal.digests)).digest() != bytes(seal.block_hash):
        yield Fault(seal.number, None, "its digests were changed")
    if hashlib.sha256(before + bytes(seal.block_hash)).digest() != bytes(seal.chain_hash):
        yield Fault(seal.number, None, "the chain does not follow from the seal before")


def _faults_of_entries(
    connection: Connection, seal: Row[Any], *, upto: int, cipher: FieldCipher | None
) -> Iterator[Fault]:
    digests = bytes(seal.digests)
    sealed = {
        number: digests[place * 32 : place * 32 + 32]
        for place, number in enumerate(seal.entry_numbers)
    }
    # The first seal answers for all that stands before it, with numbers nobody was ever given.
    after = upto or _LEAST_NUMBER
    rows = connection.execute(_ENTRIES, {"after": after, "upto": seal.upto_entry})
    for row in rows:
        digest = sealed.pop(row.number, None)
        if digest is None:
            yield Fault(seal.number, row.number, f"entry {row.id} was put in afterwards")
        elif hashlib.sha256(row.text.encode()).digest() != digest:
            yield Fault(seal.number, row.number, f"entry {row.id} was changed")
        elif cipher is not None and not _reason_fits(row, cipher):
            yield Fault(seal.number, row.number, f"the reason of entry {row.id} was changed")
    for number in sealed:
        yield Fault(seal.number, number, "the entry was removed")


def _reason_fits(row: Row[Any], cipher: FieldCipher) -> bool:
    if row.reason_digest is None:
        return row.reason_encrypted is None
    if row.reason_encrypted is None:
        return False
    try:
        kept = reason_in(row.reason_encrypted, entry_id=row.id, cipher=cipher)
    except DecryptionError:
        return False
    return digest_of(**kept) == bytes(row.reason_digest)
