"""How an event's payload is encrypted at rest: bound to its provider and event id."""

from payments.privacy.encryption import FieldCipher

_TABLE = "webhook_inbox"
_COLUMN = "payload_encrypted"


def seal(cipher: FieldCipher, payload: bytes, *, provider: str, event_id: str) -> bytes:
    """Encrypt a payload, which is JSON in UTF-8."""
    row_id = f"{provider}:{event_id}"
    return cipher.encrypt(payload.decode(), table=_TABLE, column=_COLUMN, row_id=row_id)


def unseal(cipher: FieldCipher, sealed: bytes, *, provider: str, event_id: str) -> bytes:
    """Return the payload as it came in."""
    row_id = f"{provider}:{event_id}"
    return cipher.decrypt(sealed, table=_TABLE, column=_COLUMN, row_id=row_id).encode()
