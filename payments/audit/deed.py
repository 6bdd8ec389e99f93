"""What a request or a command is about to do, said once at its beginning, for whoever writes it."""

import datetime as dt
import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

from payments.audit.tables import Change
from payments.identifiers import new_id
from payments.privacy.encryption import FieldCipher

Outcome = Literal["done", "replayed", "seen", "refused", "failed"]

PREFIX = "aud"
LONGEST_REASON = 2000
_TABLE = "audit_entries"
_SALT_BYTES = 16

_bound: ContextVar["Deed | None"] = ContextVar("deed", default=None)


@dataclass
class Deed:
    """Who does what to what, from where and why.

    `actor` is the principal whose credential was used, `person` who stands behind it. `is_look`:
    it shows personal data, and is an entry although nothing changes. `reason_of` is asked when
    the entry is written, since a request's body is read after its beginning. `written` becomes
    true with the commit of the transaction that holds the entry.
    """

    actor: str
    person: str
    role: str
    action: str
    at: dt.datetime
    cipher: FieldCipher
    subjects: tuple[str, ...] = ()
    ip: str | None = None
    request_id: str | None = None
    is_look: bool = False
    reason_of: Callable[[], str | None] = field(default=lambda: None)
    written: bool = False

    def entry(
        self,
        outcome: Outcome,
        *,
        changes: list[Change] | None = None,
        status: int | None = None,
        code: str | None = None,
    ) -> dict[str, Any]:
        """Return the columns of an entry about this deed."""
        entry_id = new_id(PREFIX, now=self.at)
        changed = [row[1] for row in changes or () if row[1] is not None]
        encrypted, digest = self._sealed_reason(entry_id)
        return {
            "id": entry_id,
            "at": self.at,
            "actor": self.actor,
            "person": self.person,
            "role": self.role,
            "action": self.action,
            "outcome": outcome,
            "status": status,
            "code": code,
            "subjects": list(dict.fromkeys((*self.subjects, *changed))),
            "changes": changes or [],
            "ip": self.ip,
            "request_id": self.request_id,
            "reason_encrypted": encrypted,
            "reason_digest": digest,
        }

    def _sealed_reason(self, entry_id: str) -> tuple[bytes | None, bytes | None]:
        reason = self.reason_of()
        if not reason:
            return None, None
        kept = {"reason": reason[:LONGEST_REASON], "salt": secrets.token_hex(_SALT_BYTES)}
        field_of = {"table": _TABLE, "column": "reason_encrypted", "row_id": entry_id}
        return self.cipher.encrypt(json.dumps(kept), **field_of), digest_of(**kept)


def digest_of(*, reason: str, salt: str) -> bytes:
    """Return what the chain holds of a reason: without the salt it tells nothing."""
    return hashlib.sha256(f"{salt}\n{reason}".encode()).digest()


def reason_in(ciphertext: bytes, *, entry_id: str, cipher: FieldCipher) -> dict[str, str]:
    """Return the reason of an entry, and its salt.

    Raises:
        DecryptionError: it was changed, or its key is gone.
    """
    found: dict[str, str] = json.loads(
        cipher.decrypt(ciphertext, table=_TABLE, column="reason_encrypted", row_id=entry_id)
    )
    return found


def current_deed() -> Deed | None:
    """Return what is being done here; None outside of requests and commands."""
    return _bound.get()


def note_subjects(ids: Iterable[str]) -> None:
    """Say in this transaction's entry what was found, where the request did not name it."""
    deed = current_deed()
    if deed is not None:
        deed.subjects = tuple(dict.fromkeys((*deed.subjects, *ids)))


@contextmanager
def bind_deed(deed: Deed) -> Iterator[Deed]:
    """Have transactions inside the block write the deed down."""
    token = _bound.set(deed)
    try:
        yield deed
    finally:
        _bound.reset(token)
