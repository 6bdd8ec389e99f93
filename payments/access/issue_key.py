"""Makes and rotates API keys for an administrator, once per reference.

A repeated request is answered with the same key but without its text: that is shown once.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.api_keys import IssuedKey, create_key, rotate_key
from payments.access.caller import Caller, Role
from payments.access.tables import ApiKey
from payments.errors import ForbiddenError
from payments.idempotency import Answered, Claim
from payments.secret_versions.source import LiveSecret


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as an administrator sees it; `text` is None but in the first answer."""

    key: ApiKey
    text: str | None = field(default=None, repr=False)


def issue_key(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    name: str,
    role: Role,
    scopes: Collection[str],
    life: dt.timedelta,
    owner: str | None,
    pepper: LiveSecret,
    livemode: bool,
    now: dt.datetime,
) -> Answered[KeyView]:
    """Make a key; `owner` is the person behind it, the caller's own unless another one is named.

    Raises:
        ForbiddenError: the caller's own key is narrowed, and the new one would be wider.
        InvalidRequestError, InProgressError, ReferenceReusedError.
    """
    _refuse_wider(caller, scopes)
    content: dict[str, object] = {
        "name": name,
        "role": role.value,
        "scopes": sorted(set(scopes)),
        "life_s": int(life.total_seconds()),
    }
    if owner is not None:  # else a request of before is still the same one
        content["owner"] = owner
    claim = _claim(session, caller, "keys.create", reference, content, now=now)
    if claim.replayed_id is not None:
        return _replayed(session, claim.replayed_id)
    issued = create_key(
        session,
        name=name,
        role=role,
        scopes=scopes,
        life=life,
        pepper=pepper.value,
        pepper_version=pepper.id,
        livemode=livemode,
        now=now,
        created_by=caller.person,
        owner=owner,
    )
    return _first(session, claim, issued, now=now)


def reissue_key(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    key_id: str,
    overlap: dt.timedelta,
    pepper: LiveSecret,
    livemode: bool,
    now: dt.datetime,
) -> Answered[KeyView]:
    """Make a key's successor; the old one ends after `overlap`.

    Raises:
        ForbiddenError: the caller's own key is narrowed, and this one is wider.
        NotFoundError, ConflictError, InvalidRequestError, InProgressError, ReferenceReusedError.
    """
    old = session.get(ApiKey, key_id)
    if old is not None:
        _refuse_wider(caller, old.scopes)
    content = {"key_id": key_id, "overlap_s": int(overlap.total_seconds())}
    claim = _claim(session, caller, "keys.rotate", reference, content, now=now)
    if claim.replayed_id is not None:
        return _replayed(session, claim.replayed_id)
    issued = rotate_key(
        session,
        key_id,
        overlap=overlap,
        pepper=pepper.value,
        pepper_version=pepper.id,
        livemode=livemode,
        now=now,
        created_by=caller.person,
    )
    return _first(session, claim, issued, now=now)


def _refuse_wider(caller: Caller, scopes: Collection[str]) -> None:
    """Let a narrowed key hand on no more than it has: the answer holds the new key's text."""
    lacking = sorted(set(scopes) - caller.scopes)
    if caller.scopes and (lacking or not scopes):
        what = f"the scope {lacking[0]}" if lacking else "all the scopes of its role"
        raise ForbiddenError(f"This API key lacks {what}.", code="scope_missing")


def _claim(
    session: Session,
    caller: Caller,
    operation: str,
    reference: str,
    content: Mapping[str, object],
    *,
    now: dt.datetime,
) -> Claim:
    return idempotency.claim(
        session,
        principal=caller.principal,
        operation=operation,
        reference=reference,
        fingerprint=idempotency.fingerprint(content),
        now=now,
    )


def _first(
    session: Session, claim: Claim, issued: IssuedKey, *, now: dt.datetime
) -> Answered[KeyView]:
    idempotency.finish(session, claim, resource_id=issued.key.id, now=now)
    return Answered(KeyView(issued.key, issued.text), replayed=False)


def _replayed(session: Session, key_id: str) -> Answered[KeyView]:
    return Answered(KeyView(session.get_one(ApiKey, key_id)), replayed=True)
