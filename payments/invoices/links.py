"""Signed links to the documents of an order: good for five minutes, and for that order only.

A link names the record of who asked for it, so it carries no personal data, and whoever follows it
is seen as that caller, with their reason.
"""

import datetime as dt
import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.access.caller import PERSON_ROLES, Caller, Role
from payments.database import transaction
from payments.errors import NotFoundError
from payments.invoices.access import Viewer
from payments.invoices.access_table import InvoiceAccess
from payments.secret_versions.source import LiveSecret

GOOD_FOR = dt.timedelta(minutes=5)
_SHAPE = re.compile(r"([0-9]{1,19})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class Link:
    """What is put behind `?link=`, and until when it is good."""

    text: str
    expires_at: dt.datetime


def make_link(access: InvoiceAccess, *, key: LiveSecret, now: dt.datetime) -> Link:
    """Return a link to the documents of the order that `access` records somebody to have seen.

    `key` is the newest link key.
    """
    expires_at = (now + GOOD_FOR).replace(microsecond=0)
    expires = int(expires_at.timestamp())
    return Link(f"{access.id}.{expires}.{_seal(access, expires, key)}", expires_at)


def follow_link(
    engine: Engine, text: str, *, order_id: str, keys: Sequence[LiveSecret], now: dt.datetime
) -> Viewer:
    """Return who asked for the link, with the reason they gave; `keys` are all that are live.

    Raises:
        NotFoundError: it is none of ours, is for another order, or is too old: which of these is
            not told, and neither is whether there is such an order.
    """
    with transaction(engine) as session:
        access = _genuine(session, text, order_id=order_id, keys=keys, now=now)
        if access is None:
            raise NotFoundError("The link is not good, or not any more.")
        role = Role(access.role)
        party_id = access.principal.removeprefix("party:") if role in PERSON_ROLES else None
        return Viewer(Caller(access.principal, role, party_id), "link", access.reason)


def _genuine(
    session: Session, text: str, *, order_id: str, keys: Sequence[LiveSecret], now: dt.datetime
) -> InvoiceAccess | None:
    found = _SHAPE.fullmatch(text)
    if found is None or int(found[1]) >= 2**63 or int(found[2]) <= now.timestamp():
        return None
    access = session.get(InvoiceAccess, int(found[1]))
    if access is None or access.order_id != order_id:
        return None
    rights = [_seal(access, int(found[2]), key) for key in keys]
    return access if any(hmac.compare_digest(right, found[3]) for right in rights) else None


def _seal(access: InvoiceAccess, expires: int, key: LiveSecret) -> str:
    said = f"{access.id}\n{access.order_id}\n{access.principal}\n{expires}"
    digest = hmac.digest(key.value.encode(), said.encode(), hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
