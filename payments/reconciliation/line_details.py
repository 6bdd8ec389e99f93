"""The personal part of a statement line: whom the money is from or for, and all of its text."""

import json
from dataclasses import dataclass

from payments.privacy.encryption import FieldCipher

_FIELD = {"table": "statement_lines", "column": "details_encrypted"}


@dataclass(frozen=True)
class LineDetails:
    """The other party's name and account, and the line's text, as the bank wrote them."""

    name: str | None
    account: str | None
    text: str


def seal_details(cipher: FieldCipher, *, line_id: str, details: LineDetails) -> bytes:
    """Return the ciphertext for the line of this id."""
    told = {"name": details.name, "account": details.account, "text": details.text}
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return cipher.encrypt(text, row_id=line_id, **_FIELD)


def open_details(cipher: FieldCipher, *, line_id: str, ciphertext: bytes) -> LineDetails:
    """Return the line's details.

    Raises:
        DecryptionError: it is not this line's ciphertext, or its key is gone.
    """
    return LineDetails(**json.loads(cipher.decrypt(ciphertext, row_id=line_id, **_FIELD)))
