"""What a process knows of live versions, and when it learns of others."""

import datetime as dt
import io
import secrets

import pytest
from sqlalchemy import Engine, event, text

from payments.access.due_secrets import due_secrets, forget_ended_values
from payments.database import in_transaction, transaction
from payments.errors import ConflictError
from payments.log_lines import configure_log_lines
from payments.privacy.encryption import FieldCipher
from payments.secret_versions.kinds import Kind
from payments.secret_versions.live import LiveSecrets
from payments.secret_versions.revoke_secret import revoke_secret
from payments.secret_versions.rotate_secret import rotate_secret
from payments.secret_versions.source import find_version, to_make_with
from payments.secret_versions.tables import SecretVersion
from tests.jobs.environment import make_settings
from tests.payments.shop import CIPHER, NOW

SETTINGS = make_settings(
    database_url="postgresql://unused.invalid/x", redis_url="redis://unused.invalid"
)
S = dt.timedelta(seconds=1)


def process(engine: Engine, cipher: FieldCipher = CIPHER) -> LiveSecrets:
    return LiveSecrets(engine, cipher=cipher, settings=SETTINGS, wait=lambda _: None)


def rotate(
    engine: Engine,
    kind: Kind,
    *,
    overlap: dt.timedelta | None = None,
    starts_at: dt.datetime | None = None,
    now: dt.datetime = NOW,
) -> SecretVersion:
    return in_transaction(
        engine,
        lambda session: rotate_secret(
            session,
            kind,
            principal="key:admin",
            person="party:pty_admin",
            reference=secrets.token_hex(16),
            value=f"whsec_{secrets.token_hex(16)}" if kind is Kind.STRIPE_WEBHOOK else None,
            overlap=overlap,
            starts_at=starts_at,
            cipher=CIPHER,
            settings=SETTINGS,
            now=now,
        ),
    ).resource


@pytest.fixture
def statements(fresh_engine: Engine) -> list[str]:
    seen: list[str] = []
    event.listen(fresh_engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return seen


def test_what_the_environment_gives_is_live_and_noted_once(fresh_engine: Engine) -> None:
    for _ in range(2):
        [pepper] = process(fresh_engine).of(Kind.API_KEY_PEPPER, now=NOW)
        assert pepper.value == SETTINGS.api_key_pepper
        assert pepper.from_environment
    with fresh_engine.connect() as connection:
        rows = connection.execute(text("SELECT v::text FROM strongroom.secret_versions v")).all()
    assert SETTINGS.api_key_pepper not in str(rows)
    assert len(rows) == len({str(row) for row in rows})


def test_the_database_is_asked_every_three_seconds_at_most(
    fresh_engine: Engine, statements: list[str]
) -> None:
    live = process(fresh_engine)
    live.of(Kind.STRIPE_WEBHOOK, now=NOW)
    statements.clear()
    for tenth in range(29):
        live.of(Kind.STRIPE_WEBHOOK, now=NOW + tenth * S / 10)
    assert statements == []
    live.of(Kind.STRIPE_WEBHOOK, now=NOW + 3 * S)
    assert len(statements) == 1


def test_nobody_makes_with_a_version_before_every_process_has_it(fresh_engine: Engine) -> None:
    one, other = process(fresh_engine), process(fresh_engine)
    first = to_make_with(other, Kind.LINK_KEY, now=NOW)
    version = rotate(fresh_engine, Kind.LINK_KEY)
    assert to_make_with(one, Kind.LINK_KEY, now=NOW).value == first.value
    assert to_make_with(one, Kind.LINK_KEY, now=NOW + 9 * S).value == first.value
    begun = [to_make_with(live, Kind.LINK_KEY, now=NOW + 10 * S) for live in (one, other)]
    assert {version.id} == {made.id for made in begun}
    # By then both take what either made before.
    assert first.value in [live.value for live in one.of(Kind.LINK_KEY, now=NOW + 11 * S)]


def test_a_miss_finds_a_version_of_this_moment(fresh_engine: Engine) -> None:
    live = process(fresh_engine)
    live.of(Kind.STRIPE_WEBHOOK, now=NOW)
    version = rotate(fresh_engine, Kind.STRIPE_WEBHOOK)
    assert version.id not in [one.id for one in live.of(Kind.STRIPE_WEBHOOK, now=NOW)]
    assert live.of_again(Kind.STRIPE_WEBHOOK, now=NOW)[0].id == version.id
    pepper = rotate(fresh_engine, Kind.API_KEY_PEPPER)
    assert find_version(live, Kind.API_KEY_PEPPER, pepper.id, now=NOW) is not None
    assert find_version(live, Kind.API_KEY_PEPPER, "sec_0", now=NOW) is None


def test_a_version_ends_when_it_is_said_to_and_when_it_is_revoked(fresh_engine: Engine) -> None:
    live = process(fresh_engine)
    [given] = live.of(Kind.STRIPE_WEBHOOK, now=NOW)
    version = rotate(fresh_engine, Kind.STRIPE_WEBHOOK, overlap=60 * S)
    live.of_again(Kind.STRIPE_WEBHOOK, now=NOW)
    both = [one.id for one in live.of(Kind.STRIPE_WEBHOOK, now=NOW + S)]
    assert both == [version.id, given.id]
    assert [one.id for one in live.of(Kind.STRIPE_WEBHOOK, now=NOW + 60 * S)] == [version.id]
    rotate(fresh_engine, Kind.STRIPE_WEBHOOK, now=NOW + 61 * S)
    with transaction(fresh_engine) as session:
        revoke_secret(session, version.id, now=NOW + 62 * S)
    left = [one.id for one in live.of(Kind.STRIPE_WEBHOOK, now=NOW + 67 * S)]
    assert version.id not in left
    assert given.id not in left  # though the environment gives it still


def test_a_version_that_begins_some_day_stands_in_for_none(fresh_engine: Engine) -> None:
    """Until then, everything would be refused."""
    lines = io.StringIO()
    configure_log_lines("INFO", stream=lines)
    [given] = process(fresh_engine).of(Kind.STRIPE_WEBHOOK, now=NOW)
    later = rotate(fresh_engine, Kind.STRIPE_WEBHOOK, starts_at=NOW + 864_000 * S)

    def revoke(version_id: str | None) -> None:
        with transaction(fresh_engine) as session:
            revoke_secret(session, version_id or "", now=NOW)

    with pytest.raises(ConflictError, match="rotate it first"):
        revoke(given.id)
    assert "secret_ends_without_successor" not in lines.getvalue()
    revoke(later.id)
    assert "secret_ends_without_successor" in lines.getvalue()  # `given` was to be followed by it


def test_what_is_known_serves_while_the_database_is_away(
    fresh_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415 - for this test alone

    live = process(fresh_engine)
    known = live.of(Kind.STRIPE_WEBHOOK, now=NOW)

    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setattr(live, "_read", away)
    assert live.of(Kind.STRIPE_WEBHOOK, now=NOW + 60 * S) == known
    unread = process(fresh_engine)
    monkeypatch.setattr(unread, "_read", away)
    with pytest.raises(OperationalError):
        unread.of(Kind.STRIPE_WEBHOOK, now=NOW)


def test_old_secrets_are_told_of_before_and_after_they_are_due(fresh_engine: Engine) -> None:
    process(fresh_engine).of(Kind.SESSION_KEY, now=NOW)

    def due(days: int) -> dict[str, bool]:
        now = NOW + dt.timedelta(days=days)
        with transaction(fresh_engine) as session:
            return {
                one.kind: one.overdue
                for one in due_secrets(session, max_age_d={"link_key": 10}, now=now)
            }

    assert due(0) == {"link_key": False}
    assert due(77) == {"session_key": False, "link_key": True}
    assert due(90) == {"session_key": True, "link_key": True}
    rotate(fresh_engine, Kind.SESSION_KEY, now=NOW + dt.timedelta(days=90))
    assert due(91) == {"link_key": True}


def test_the_value_of_a_version_long_ended_is_forgotten(fresh_engine: Engine) -> None:
    old = rotate(fresh_engine, Kind.LINK_KEY)
    rotate(fresh_engine, Kind.LINK_KEY, overlap=S, now=NOW + S)
    for days, forgotten in ((6, 0), (8, 1), (9, 0)):
        with transaction(fresh_engine) as session:
            now = NOW + dt.timedelta(days=days)
            assert forget_ended_values(session, now=now) == forgotten
    with transaction(fresh_engine) as session:
        assert session.get_one(SecretVersion, old.id).value_encrypted is None
