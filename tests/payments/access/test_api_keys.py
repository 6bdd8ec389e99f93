import datetime as dt
import re

import pytest
from sqlalchemy import Engine, text

from payments.access.api_keys import (
    IssuedKey,
    authenticate_key,
    create_key,
    ensure_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from payments.access.caller import Role
from payments.access.key_text import make_key_text, parse_key_text
from payments.access.tables import ApiKey
from payments.database import transaction
from payments.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    UnauthorizedError,
)
from payments.secret_versions.kinds import Kind
from payments.secret_versions.source import FixedSecrets

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
PEPPER = "a pepper for tests"
PEPPERS = FixedSecrets({Kind.API_KEY_PEPPER: [PEPPER]})


def make(engine: Engine, *, role: Role = Role.SERVICE, scopes: tuple[str, ...] = ()) -> IssuedKey:
    with transaction(engine) as session:
        return create_key(
            session,
            name="Shop backend",
            role=role,
            scopes=scopes,
            pepper=PEPPER,
            livemode=False,
            now=NOW,
        )


def authenticate(engine: Engine, key: str, *, after: dt.timedelta = dt.timedelta(0)):  # type: ignore[no-untyped-def] # inferred
    return authenticate_key(engine, key, peppers=PEPPERS, livemode=False, now=NOW + after)


def rotate(engine: Engine, key_id: str, *, overlap: dt.timedelta) -> IssuedKey:
    with transaction(engine) as session:
        return rotate_key(session, key_id, overlap=overlap, pepper=PEPPER, livemode=False, now=NOW)


def stored(engine: Engine, key_id: str) -> ApiKey:
    with transaction(engine) as session:
        key = session.get(ApiKey, key_id)
    assert key is not None
    return key


def test_a_key_reads_as_its_format_promises_and_opens_what_it_should(engine: Engine) -> None:
    issued = make(engine, role=Role.FINANCE, scopes=("ledger.read",))
    assert re.fullmatch(r"srk_test_[0-9A-Z]{26}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}", issued.text)
    caller = authenticate(engine, issued.text)
    assert caller.role is Role.FINANCE
    assert caller.scopes == {"ledger.read"}
    assert caller.principal == issued.key.id.replace("_", ":", 1)


def test_the_database_holds_no_usable_key(engine: Engine) -> None:
    issued = make(engine)
    secret = issued.text.split("_")[3]
    with engine.connect() as connection:
        row = connection.execute(
            text("SELECT k::text FROM strongroom.api_keys k WHERE id = :id"), {"id": issued.key.id}
        ).scalar_one()
    assert secret not in row
    assert secret.encode().hex() not in row
    assert secret not in repr(issued)


@pytest.mark.parametrize("part", [1, 2, 3, 4])
def test_a_changed_key_is_refused(engine: Engine, part: int) -> None:
    parts = make(engine).text.split("_")
    other = str(make_key_text(livemode=True, now=NOW)).split("_")
    parts[part] = other[part]
    with pytest.raises(UnauthorizedError):
        authenticate(engine, "_".join(parts))


def test_a_wrong_secret_with_a_right_checksum_is_refused(engine: Engine) -> None:
    right = parse_key_text(make(engine).text)
    wrong = make_key_text(livemode=False, now=NOW)
    assert right
    forged = type(right)(key_id=right.key_id, secret=wrong.secret, livemode=False)
    with pytest.raises(UnauthorizedError):
        authenticate(engine, str(forged))


@pytest.mark.parametrize("key", ["", "srk_test_x", "srk_test_ü_é_a", "Bearer", "x" * 10_000])
def test_what_is_no_key_is_refused(engine: Engine, key: str) -> None:
    with pytest.raises(UnauthorizedError):
        authenticate(engine, key)


def test_a_key_of_the_other_mode_is_refused(engine: Engine) -> None:
    issued = make(engine)
    with pytest.raises(UnauthorizedError):
        authenticate_key(engine, issued.text, peppers=PEPPERS, livemode=True, now=NOW)


def test_another_pepper_opens_nothing(engine: Engine) -> None:
    issued = make(engine)
    another = FixedSecrets({Kind.API_KEY_PEPPER: ["another"]})
    with pytest.raises(UnauthorizedError):
        authenticate_key(engine, issued.text, peppers=another, livemode=False, now=NOW)


def test_a_key_ends_after_a_year(engine: Engine) -> None:
    issued = make(engine)
    authenticate(engine, issued.text, after=dt.timedelta(days=364))
    with pytest.raises(UnauthorizedError):
        authenticate(engine, issued.text, after=dt.timedelta(days=365))


def test_a_revoked_key_is_refused_at_once_and_revoking_twice_changes_nothing(
    engine: Engine,
) -> None:
    issued = make(engine)
    for _ in range(2):
        with transaction(engine) as session:
            revoke_key(session, issued.key.id, now=NOW)
    with pytest.raises(UnauthorizedError):
        authenticate(engine, issued.text)
    with pytest.raises(NotFoundError), transaction(engine) as session:
        revoke_key(session, "key_unknown", now=NOW)


def test_use_is_noted_at_most_once_a_minute(engine: Engine) -> None:
    issued = make(engine)
    for seconds, noted in ((0, 0), (59, 0), (60, 60), (70, 60), (121, 121)):
        authenticate(engine, issued.text, after=dt.timedelta(seconds=seconds))
        assert stored(engine, issued.key.id).last_used_at == NOW + dt.timedelta(seconds=noted)


def test_both_keys_work_during_the_overlap_and_share_the_principal(engine: Engine) -> None:
    first = make(engine, scopes=("payments.create",))
    second = rotate(engine, first.key.id, overlap=dt.timedelta(days=7))
    third = rotate(engine, second.key.id, overlap=dt.timedelta(0))
    assert authenticate(engine, first.text) == authenticate(engine, third.text)
    with pytest.raises(UnauthorizedError):
        authenticate(engine, second.text)
    with pytest.raises(UnauthorizedError):
        authenticate(engine, first.text, after=dt.timedelta(days=7))


def test_rotation_never_prolongs_and_needs_a_live_key(engine: Engine) -> None:
    first = make(engine)
    rotate(engine, first.key.id, overlap=dt.timedelta(hours=1))
    rotate(engine, first.key.id, overlap=dt.timedelta(days=7))
    assert stored(engine, first.key.id).expires_at == NOW + dt.timedelta(hours=1)
    with pytest.raises(InvalidRequestError):
        rotate(engine, first.key.id, overlap=dt.timedelta(days=8))
    with transaction(engine) as session:
        revoke_key(session, first.key.id, now=NOW)
    with pytest.raises(ConflictError):
        rotate(engine, first.key.id, overlap=dt.timedelta(0))


def test_a_given_key_can_be_stored_again_and_again(engine: Engine) -> None:
    given = make_key_text(livemode=False, now=NOW)
    for name in ("Sandbox", "Sandbox again"):
        with transaction(engine) as session:
            key = ensure_key(
                session, text=str(given), name=name, role=Role.ADMIN, pepper=PEPPER, now=NOW
            )
        assert (key.id, key.name) == (given.key_id, name)
    assert authenticate(engine, str(given), after=dt.timedelta(days=9999)).role is Role.ADMIN
    with pytest.raises(InvalidRequestError), transaction(engine) as session:
        ensure_key(session, text="no", name="x", role=Role.ADMIN, pepper=PEPPER, now=NOW)


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER])
def test_persons_get_no_keys(engine: Engine, role: Role) -> None:
    with pytest.raises(InvalidRequestError):
        make(engine, role=role)


def test_keys_are_listed_in_pages(engine: Engine) -> None:
    first, second = make(engine).key.id, make(engine).key.id
    first, second = sorted((first, second))
    with transaction(engine) as session:
        assert second in [key.id for key in list_keys(session, after=first).data]
        assert len(list_keys(session, limit=1).data) == 1
