"""What was discarded is in no list, count or alert, stays with who and why, and can come back."""

import datetime as dt
import secrets
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.dead_letters.discard_dead import discard_dead
from payments.dead_letters.list_dead import count_dead, find_dead, list_dead
from payments.dead_letters.replay_dead import WantedLetters, replay_dead
from payments.dead_letters.tables import DeadLetterDiscard, DeadLetterReplay
from payments.errors import InvalidRequestError, ReferenceReusedError
from payments.overview.lags import read_dead_letters
from payments.webhooks.retry_window import set_retry_window
from tests.payments.shop import NOW

ADA = Caller(principal="command:ada", role=Role.OPERATOR)
WHY = "The old shop's, on the same account"
TYPES = {"webhook": "event", "job": "job", "notice": "notice"}

EVENT = """
    INSERT INTO strongroom.webhook_inbox (provider, event_id, event_type, occurred_at,
      payload_encrypted, received_at, due_at, state, attempts, error, finished_at)
    VALUES ('stripe', :key, 'charge.refunded', :now, '', :now, :now, 'dead', 79,
      'unknown_payment: no payment has pi_1', :now) RETURNING 'inb_' || id
"""
JOB = """
    INSERT INTO strongroom.outbox (job, args, state, due_at, attempts, error, created_at,
      finished_at)
    VALUES ('issue_invoice', '{}', 'dead', :now, 8, :key, :now, :now) RETURNING 'obx_' || id
"""
NOTICE = """
    WITH e AS (INSERT INTO strongroom.notice_endpoints (id, url, description, topics, status,
                 created_by, created_at, updated_at)
               VALUES ('nep_' || :key, 'https://shop.test', '', '{}', 'enabled', 'x', :now, :now)
               RETURNING id),
         n AS (INSERT INTO strongroom.notices (id, type, body, created_at)
               VALUES ('evt_' || :key, 'payment.updated', '{}', :now) RETURNING id)
    INSERT INTO strongroom.notice_deliveries (notice_id, endpoint_id, state, attempts, due_at,
      last_status, last_attempt_at, created_at)
    SELECT n.id, e.id, 'failed', 20, :now, 500, :now, :now FROM n, e RETURNING 'ntd_' || number
"""
DYING = {"event": EVENT, "job": JOB, "notice": NOTICE}

Die = Callable[[str], str]
each_kind = pytest.mark.parametrize("kind", DYING)


@pytest.fixture
def die(fresh_engine: Engine) -> Die:
    def make(kind: str) -> str:
        with fresh_engine.begin() as connection:
            named = {"key": secrets.token_hex(16), "now": NOW}
            letter_id: str = connection.execute(text(DYING[kind]), named).scalar_one()
        return letter_id

    return make


def discard(
    session: Session, kind: str, *ids: str, reference: str | None = None
) -> DeadLetterDiscard:
    return discard_dead(
        session,
        caller=ADA,
        reference=reference or secrets.token_hex(16),
        kind=kind,
        ids=ids,
        reason=WHY,
        now=NOW,
    ).resource


def replay(session: Session, kind: str, *ids: str) -> DeadLetterReplay:
    return replay_dead(
        session,
        caller=ADA,
        reference=secrets.token_hex(16),
        wanted=WantedLetters(kind, ids or None),
        reason="It was ours",
        now=NOW,
    ).resource


def alerted(connection: Connection) -> dict[str, int]:
    """What the alert, the metrics and the overview count."""
    return {TYPES[one.kind]: one.count for one in read_dead_letters(connection)}


@each_kind
def test_it_is_out_of_everything_but_its_own_list(
    fresh_engine: Engine, die: Die, kind: str
) -> None:
    gone, stays = die(kind), die(kind)
    with transaction(fresh_engine) as session:
        made = discard(session, kind, gone)
        assert (made.accepted, made.skipped, made.requested_by) == (1, 0, "command:ada")
    with transaction(fresh_engine) as session:
        page, kept = list_dead(session, limit=9), list_dead(session, limit=9, discarded=True)
        assert [one.id for one in page.data] == [stays]
        assert page.counts[kind] == count_dead(session)[kind] == kept.counts[kind] == 1
        assert alerted(session.connection())[kind] == 1
        [letter] = kept.data
        assert letter.id == gone
        assert letter.discarded is not None
        told = (letter.discarded.by, letter.discarded.at, letter.discarded.reason)
        assert told == ("command:ada", NOW, WHY)
        number = int(gone.partition("_")[2])
        assert find_dead(session, kind=kind, number=number) == letter


@each_kind
def test_only_a_replay_that_names_it_brings_it_back(
    fresh_engine: Engine, die: Die, kind: str
) -> None:
    letter = die(kind)
    with transaction(fresh_engine) as session:
        discard(session, kind, letter)
        assert discard(session, kind, letter).skipped == 1
        assert replay(session, kind).accepted == 0
        assert replay(session, kind, letter).accepted == 1
        assert list_dead(session, limit=9, discarded=True).data == []
        assert list_dead(session, limit=9).data == []
        assert discard(session, kind, letter).accepted == 0, "it lives"


def test_a_wider_retry_window_leaves_it_where_it_is(fresh_engine: Engine, die: Die) -> None:
    letter, other = die("event"), die("event")
    with transaction(fresh_engine) as session:
        discard(session, "event", letter)
        revived = set_retry_window(
            session,
            caller=ADA,
            provider="stripe",
            hours=100,
            configured_h={"stripe": 72},
            now=NOW + dt.timedelta(hours=80),
        ).revived
        assert revived == 1
        assert [one.id for one in list_dead(session, limit=9, discarded=True).data] == [letter]
        assert find_dead(session, kind="event", number=int(other[4:])) is None


def test_one_reference_counts_once(fresh_engine: Engine, die: Die) -> None:
    one, other = die("job"), die("job")
    with transaction(fresh_engine) as session:
        made = discard(session, "job", one, reference="inc-9")
        assert discard(session, "job", one, reference="inc-9").id == made.id
        with pytest.raises(ReferenceReusedError):
            discard(session, "job", other, reference="inc-9")


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("event", "UPDATE strongroom.webhook_inbox SET payload_encrypted = NULL"),
        (
            "notice",
            """UPDATE strongroom.notice_endpoints SET status = 'disabled',
                     disabled_reason = 'gone', disabled_at = now()""",
        ),
    ],
)
def test_those_that_cannot_be_tried_are_not_in_the_way_of_the_others(
    fresh_engine: Engine, die: Die, monkeypatch: pytest.MonkeyPatch, kind: str, spoil: str
) -> None:
    die(kind), die(kind)
    with fresh_engine.begin() as connection:
        connection.execute(text(spoil))
    die(kind)
    monkeypatch.setattr("payments.dead_letters.replay_dead.MAX_AT_ONCE", 2)
    with transaction(fresh_engine) as session:
        made = replay(session, kind)
        assert (made.accepted, made.skipped) == (1, 1)


def test_kinds_are_not_mixed(fresh_engine: Engine, die: Die) -> None:
    letter = die("job")
    with (
        transaction(fresh_engine) as session,
        pytest.raises(InvalidRequestError, match="not of one kind"),
    ):
        discard(session, "event", letter)


def test_nothing_that_lives_is_discarded(fresh_engine: Engine, die: Die) -> None:
    letter = die("event")
    with transaction(fresh_engine) as session:
        discard(session, "event", letter)
    with pytest.raises(IntegrityError, match="check"), fresh_engine.begin() as connection:
        connection.execute(text("UPDATE strongroom.webhook_inbox SET state = 'new'"))


def test_notices_of_a_deleted_endpoint_are_counted_as_little_as_they_are_listed(
    fresh_engine: Engine, die: Die
) -> None:
    die("notice")
    with fresh_engine.begin() as connection:
        connection.execute(text("UPDATE strongroom.notice_endpoints SET status = 'deleted'"))
        assert alerted(connection)["notice"] == 0
    with transaction(fresh_engine) as session:
        assert count_dead(session)["notice"] == len(list_dead(session, limit=9).data) == 0
