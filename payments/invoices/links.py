"""Signed links to the documents of an order: good for five minutes, and for that order only.

A link names the record of who asked for it, so it carries no personal data, and whoever follows it
is seen as that caller, with their reason.
"""

import datetime as dt
import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.access.caller import PERSON_ROLES, Caller, Role
from payments.database import transaction
from payments.errors import NotFoundError
from payments.invoices.access import Viewer
from payments.invoices.access_table import InvoiceAccess

GOOD_FOR = dt.timedelta(minutes=5)
_SHAPE = re.compile(r"([0-9]{1,19})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})")
_KEY_BYTES = 32


@dataclass(frozen=True)
class Link:
    """What is put behind `?link=`, and until when it is good."""

    text: str
    expires_at: dt.datetime


def make_link(access: InvoiceAccess, *, pepper: str, now: dt.datetime) -> Link:
    """Return a link to the documents of the order that `access` records somebody to have seen."""
    expires_at = (now + GOOD_FOR).replace(microsecond=0)
    expires = int(expires_at.timestamp())
    return Link(f"{access.id}.{expires}.{_seal(access, expires, pepper=pepper)}", expires_at)


def follow_link(
    engine: Engine, text: str, *, order_id: str, pepper: str, now: dt.datetime
) -> Viewer:
    """Return who asked for the link, with the reason they gave.

    Raises:
        NotFoundError: it is none of ours, is for another order, or is too old: which of these is
            not told, and neither is whether there is such an order.
    """
    with transaction(engine) as session:
        access = _genuine(session, text, order_id=order_id, pepper=pepper, now=now)
        if access is None:
            raise NotFoundError("The link is not good, or not any more.")
        role = Role(access.role)
        party_id = access.principal.removeprefix("party:") if role in PERSON_ROLES else None
        return Viewer(Caller(access.principal, role, party_id), "link", access.reason)


def _genuine(
    session: Session, text: str, *, order_id: str, pepper: str, now: dt.datetime
) -> InvoiceAccess | None:
    found = _SHAPE.fullmatch(text)
    if found is None or int(found[1]) >= 2**63 or int(found[2]) <= now.timestamp():
        return None
    access = session.get(InvoiceAccess, int(found[1]))
    if access is None or access.order_id != order_id:
        return None
    right = _seal(access, int(found[2]), pepper=pepper)
    return access if hmac.compare_digest(right, found[3]) else None


def _seal(access: InvoiceAccess, expires: int, *, pepper: str) -> str:
    said = f"{access.id}\n{access.order_id}\n{access.principal}\n{expires}"
    digest = hmac.digest(_key(pepper), said.encode(), hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _key(pepper: str) -> bytes:
    # A key of its own: what is signed for one purpose says nothing in another (RFC 5869, 3.2).
    derivation = HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"strongroom invoice links")
    return derivation.derive(pepper.encode())
