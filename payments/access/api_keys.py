"""API keys of the platform's backend and staff: made, checked, rotated with overlap, revoked.

Only the id and an HMAC of the secret are stored, so a copy of the database holds no usable key.
The HMAC's key, the pepper, rotates: a key moves to the newest one when it is used.
"""

import dataclasses
import datetime as dt
import hashlib
import hmac
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Engine, Row, case, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.access.caller import KEY_ROLES, Caller, Role
from payments.access.key_text import KeyText, make_key_text, parse_key_text
from payments.access.key_uses import note_last_use
from payments.access.tables import ApiKey
from payments.database import transaction
from payments.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    UnauthorizedError,
)
from payments.pages import Page, page_of
from payments.secret_versions.kinds import Kind
from payments.secret_versions.source import (
    LiveSecret,
    SecretSource,
    find_version,
    to_make_with,
)

LONGEST_LIFE = dt.timedelta(days=365)
LONGEST_OVERLAP = dt.timedelta(days=7)
USE_NOTED_EVERY = dt.timedelta(minutes=1)
_BY_ID = text("SELECT * FROM strongroom.api_keys WHERE id = :key_id")
NoteUse = Callable[[str, bool], None]
"""Hears the id of a key, and whether it was refused although its secret was right."""

_NO_HASH = bytes(32)  # compared against when there is no such key, so that timing says nothing


@dataclasses.dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key just made; `text` is shown once and cannot be had again."""

    key: ApiKey
    text: str = dataclasses.field(repr=False)


def create_key(
    session: Session,
    *,
    name: str,
    role: Role,
    pepper: str,
    pepper_version: str | None = None,
    livemode: bool,
    now: dt.datetime,
    scopes: Collection[str] = (),
    life: dt.timedelta = LONGEST_LIFE,
    created_by: str | None = None,
    owner: str | None = None,
    principal: str | None = None,
) -> IssuedKey:
    """Make a key for `role`; `scopes` narrow it to named actions, none means all of the role's.

    `created_by` is the person who makes it and `owner` the person behind it, for whom acts of two
    people take whatever it does: the maker unless another is named. `principal`: of its forerunner.

    Raises:
        InvalidRequestError: the role is not one a key can have, or the life is over 365 days.
    """
    if role not in KEY_ROLES:
        raise InvalidRequestError(
            "An API key cannot be a buyer or a seller.",
            errors={"role": [f"Use one of {', '.join(sorted(KEY_ROLES))}."]},
        )
    if not dt.timedelta(0) < life <= LONGEST_LIFE:
        raise InvalidRequestError("An API key lives 365 days at most.")
    text = make_key_text(livemode=livemode, now=now)
    principal = principal or text.key_id.replace("key_", "key:", 1)
    key = ApiKey(
        id=text.key_id,
        principal=principal,
        owner=owner or created_by or principal,
        created_by=created_by or principal,
        name=name,
        role=role.value,
        scopes=sorted(set(scopes)),
        secret_hash=_hash(pepper, text),
        pepper_version=pepper_version,
        created_at=now,
        expires_at=now + life,
    )
    session.add(key)
    session.flush()
    return IssuedKey(key, str(text))


def ensure_key(
    session: Session,
    *,
    text: str,
    name: str,
    role: Role,
    pepper: str,
    owner: str | None = None,
    now: dt.datetime,
) -> ApiKey:
    """Store a key whose text is chosen already, unless it is there: for the sandbox's own keys.

    Raises:
        InvalidRequestError: `text` is not the text of a key.
    """
    parsed = parse_key_text(text)
    if parsed is None:
        raise InvalidRequestError("This is not the text of an API key.")
    principal = parsed.key_id.replace("key_", "key:", 1)
    values: dict[str, object] = {
        "name": name,
        "owner": owner or principal,
        "created_by": owner or principal,
        "role": role.value,
        "scopes": [],
        "secret_hash": _hash(pepper, parsed),
        "expires_at": None,
        "revoked_at": None,
    }
    session.execute(
        insert(ApiKey)
        .values(id=parsed.key_id, principal=principal, created_at=now, **values)
        .on_conflict_do_update(
            index_elements=[ApiKey.id],
            set_=values
            | {
                # One that has moved to a newer pepper stays there.
                "secret_hash": case(
                    (ApiKey.pepper_version.is_(None), values["secret_hash"]),
                    else_=ApiKey.secret_hash,
                )
            },
        )
    )
    return session.scalars(
        select(ApiKey).where(ApiKey.id == parsed.key_id).execution_options(populate_existing=True)
    ).one()


def authenticate_key(
    engine: Engine,
    text: str,
    *,
    peppers: SecretSource,
    livemode: bool,
    now: dt.datetime,
    note_use: NoteUse | None = None,
) -> Caller:
    """Return whose key this is, noting its use at most once a minute.

    `note_use` hears of every use, and of every one that came too late. A key that is hashed with
    an older pepper than the newest is hashed with that.

    Raises:
        UnauthorizedError: it is unknown, wrong, expired, revoked or of the other mode.
    """
    parsed = parse_key_text(text)
    if parsed is None or parsed.livemode is not livemode:
        raise UnauthorizedError("The API key is not valid.")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = connection.execute(_BY_ID, {"key_id": parsed.key_id}).first()
    newest = to_make_with(peppers, Kind.API_KEY_PEPPER, now=now)
    pepper = _pepper_of(key, peppers, newest, now=now)
    expected = key.secret_hash if key and pepper else _NO_HASH
    right = hmac.compare_digest(expected, _hash((pepper or newest).value, parsed))
    if note_use is not None and key is not None and right:
        note_use(key.id, not is_live(key, now=now))
    if key is None or not right or not is_live(key, now=now):
        raise UnauthorizedError("The API key is not valid.")
    if pepper != newest:
        _hash_anew(engine, key, newest, parsed)
    if key.last_used_at is None or key.last_used_at <= now - USE_NOTED_EVERY:
        with transaction(engine) as session:
            note_last_use(session, key.id, now=now)
    return Caller(
        principal=key.principal,
        role=Role(key.role),
        scopes=frozenset(key.scopes),
        person=key.owner,
    )


def list_keys(session: Session, *, after: str | None = None, limit: int = 100) -> Page[ApiKey]:
    """Return up to `limit` keys in the order they were made, revoked and expired ones too."""
    query = select(ApiKey).order_by(ApiKey.id).limit(limit + 1)
    if after is not None:
        query = query.where(ApiKey.id > after)
    return page_of(session.scalars(query).all(), limit=limit)


def rotate_key(
    session: Session,
    key_id: str,
    *,
    overlap: dt.timedelta,
    pepper: str,
    pepper_version: str | None = None,
    livemode: bool,
    now: dt.datetime,
    created_by: str | None = None,
) -> IssuedKey:
    """Make a successor of the same principal, owner, role and scopes; the old key ends in time.

    It ends after `overlap`, or when it would have ended anyway.

    Raises:
        NotFoundError: there is no such key.
        ConflictError: the key is revoked or expired, so nothing can follow from it.
        InvalidRequestError: the overlap is negative or over seven days.
    """
    if not dt.timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise InvalidRequestError(
            "Both keys may work side by side for seven days at most.",
            errors={"overlap_s": ["Use 0 to 604800 seconds."]},
        )
    old = _locked(session, key_id)
    if not is_live(old, now=now):
        raise ConflictError("This key is revoked or expired; create a new one.")
    issued = create_key(
        session,
        name=old.name,
        role=Role(old.role),
        scopes=old.scopes,
        pepper=pepper,
        pepper_version=pepper_version,
        livemode=livemode,
        now=now,
        created_by=created_by or old.created_by,
        owner=old.owner,
        principal=old.principal,
    )
    ends = now + overlap
    old.expires_at = ends if old.expires_at is None else min(old.expires_at, ends)
    session.flush()
    return issued


def revoke_key(session: Session, key_id: str, *, now: dt.datetime) -> ApiKey:
    """End a key at once; the same again changes nothing.

    Raises:
        NotFoundError: there is no such key.
    """
    key = _locked(session, key_id)
    if key.revoked_at is None:
        key.revoked_at = now
        session.flush()
    return key


def is_live(key: ApiKey | Row[Any], *, now: dt.datetime) -> bool:
    """Whether a key still opens anything."""
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def _locked(session: Session, key_id: str) -> ApiKey:
    key = session.get(ApiKey, key_id, with_for_update=True)
    if key is None:
        raise NotFoundError("There is no such API key.")
    return key


def _pepper_of(
    key: Row[Any] | None, peppers: SecretSource, newest: LiveSecret, *, now: dt.datetime
) -> LiveSecret | None:
    """Return the pepper a key is hashed with; None when it is live no more."""
    if key is None or key.pepper_version == newest.id:
        return newest
    return find_version(peppers, Kind.API_KEY_PEPPER, key.pepper_version, now=now)


def _hash_anew(engine: Engine, key: Row[Any], newest: LiveSecret, text: KeyText) -> None:
    # Unless another request has done so, or the sandbox has chosen another text meanwhile.
    with transaction(engine) as session:
        session.execute(
            update(ApiKey)
            .where(ApiKey.id == key.id, ApiKey.secret_hash == key.secret_hash)
            .values(secret_hash=_hash(newest.value, text), pepper_version=newest.id)
            .execution_options(synchronize_session=False)
        )


def _hash(pepper: str, text: KeyText) -> bytes:
    return hmac.digest(pepper.encode(), text.secret.encode(), hashlib.sha256)
