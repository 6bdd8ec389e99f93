"""Finding a party by e-mail although addresses are encrypted: by a keyed hash of the address.

Who has the database without the keys can neither read an address nor try one.
"""

import unicodedata
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.parties.tables import Party
from payments.parties.view import PartyView, view_party
from payments.privacy.encryption import FieldCipher

MOST_FOUND = 100
_FIELD: Final = {"table": "parties", "column": "email_index"}


def index_of(email: str, *, cipher: FieldCipher) -> bytes:
    """Return the index of an address, whatever its capitals."""
    return cipher.tag(_normalized(email), **_FIELD)


def find_parties(session: Session, *, email: str, cipher: FieldCipher) -> list[PartyView]:
    """Return the parties with an e-mail address, newest first, 100 at most."""
    indexes = cipher.tags(_normalized(email), **_FIELD)
    found = select(Party).where(Party.email_index.in_(indexes)).order_by(Party.id.desc())
    views = (view_party(row, cipher=cipher) for row in session.scalars(found.limit(MOST_FOUND)))
    return [view for view in views if _normalized(view.email or "") == _normalized(email)]


def _normalized(email: str) -> str:
    return unicodedata.normalize("NFKC", email.strip()).casefold()
