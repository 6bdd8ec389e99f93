"""What is told when: once, again while nobody takes it on, when it gets worse, when it is over."""

import dataclasses
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from payments.access.caller import Caller, Role
from payments.alerts.acknowledge import acknowledge
from payments.alerts.follow import COMES_BACK_WITHIN
from payments.alerts.read_alerts import list_alerts
from payments.alerts.tables import Alert
from payments.database import in_transaction
from payments.errors import ConflictError
from tests.payments.alerts.conftest import MINUTE, Gauge, Watch

TITLE = "Something is wrong"
P1_FIRST = ["executive", "finance_lead", "on_call"]
EVERYBODY = ["executive", "finance_lead", "on_call", "sre", "support"]
HOUR = 60 * MINUTE
ADA = Caller(principal="party:ada", role=Role.OPERATOR)


def said(targets: list[str], priority: str, more: str = "") -> list[tuple[str, str]]:
    return [(target, f"[{priority}] {TITLE}{more}") for target in targets]


def newest(engine: Engine) -> Any:
    return in_transaction(engine, lambda session: list_alerts(session, limit=1)).data[0]


def take_on(watch: Watch, engine: Engine, *, reference: str = "mine") -> Alert:
    return in_transaction(
        engine,
        lambda session: acknowledge(
            session,
            newest(engine).id,
            caller=ADA,
            reference=f"{reference}-{newest(engine).id}",
            note=None,
            now=watch.now,
        ),
    ).resource


def test_one_message_for_each_target_and_one_when_it_is_over(watch: Watch) -> None:
    gauge = Gauge()
    conditions = [gauge.condition("goes")]
    watch.look(conditions)
    assert watch.told() == []
    gauge.count, gauge.keys = 12, tuple(f"rel_{number}" for number in range(12))
    for _ in range(3):
        watch.look(conditions, after=MINUTE / 2)
    assert watch.told() == said(P1_FIRST, "P1")
    message = watch.pager.messages()[0]["message"]
    assert "Things that are wrong: 12." in message
    assert "rel_9 and 2 more" in message
    assert "https://console.test/console/runbooks/duplicate-release" in message

    gauge.count = 0
    watch.look(conditions, after=MINUTE / 2)
    assert watch.told() == []  # it may come back at once
    watch.look(conditions, after=3 * MINUTE)
    assert watch.told() == said(P1_FIRST, "P1", ": over")


def test_what_has_to_hold_for_a_while_is_not_told_before(watch: Watch) -> None:
    gauge = Gauge(count=1)
    conditions = [gauge.condition("holds", priority="P2", holds_for=5 * MINUTE)]
    for _ in range(4):
        watch.look(conditions, after=MINUTE)
    gauge.count = 0
    watch.look(conditions, after=MINUTE)  # so it counts from the start again
    gauge.count = 1
    for _ in range(5):
        watch.look(conditions, after=MINUTE)
    assert watch.told() == []
    watch.look(conditions, after=MINUTE)
    assert watch.told() == said(["sre", "support"], "P2")


def test_a_p1_that_nobody_takes_on_is_told_again_and_more_widely(watch: Watch) -> None:
    conditions = [Gauge(count=1).condition("urgent")]
    watch.look(conditions)
    assert watch.told() == said(P1_FIRST, "P1")
    watch.look(conditions, after=14 * MINUTE)
    assert watch.told() == []
    again = " (still so, and nobody has acknowledged it)"
    watch.look(conditions, after=MINUTE)
    assert watch.told() == said(EVERYBODY, "P1", again)
    watch.look(conditions, after=29 * MINUTE)
    assert watch.told() == []
    watch.look(conditions, after=MINUTE)
    assert watch.told() == said(EVERYBODY, "P1", again)


def test_a_p2_that_nobody_takes_on_reaches_on_call_after_four_hours(watch: Watch) -> None:
    conditions = [Gauge(count=1).condition("calm", priority="P2")]
    watch.look(conditions)
    assert watch.told() == said(["sre", "support"], "P2")
    watch.look(conditions, after=4 * HOUR - MINUTE)
    assert watch.told() == []
    watch.look(conditions, after=MINUTE)
    told = watch.told()
    assert [target for target, _ in told] == ["on_call", "sre", "support"]


def test_whoever_takes_it_on_is_left_alone_until_it_gets_worse(
    watch: Watch, engine: Engine
) -> None:
    gauge = Gauge(count=1, keys=("rel_1",))
    conditions = [gauge.condition("worse")]
    watch.look(conditions)
    take_on(watch, engine)
    watch.told()
    watch.look(conditions, after=5 * HOUR)
    assert watch.told() == []
    gauge.keys = ("rel_2",)  # as many, and another one
    watch.look(conditions, after=MINUTE)
    assert watch.told() == said(EVERYBODY, "P1", " (more than when it was acknowledged)")
    take_on(watch, engine, reference="again")
    watch.look(conditions, after=dt.timedelta(days=1))  # an acknowledgement does not hold for ever
    assert len(watch.told()) == len(EVERYBODY)

    gauge.count = 0
    watch.look(conditions, after=MINUTE)
    watch.look(conditions, after=3 * MINUTE)
    with pytest.raises(ConflictError) as caught:
        take_on(watch, engine, reference="late")
    assert caught.value.code == "alert_resolved"


def test_what_comes_and_goes_is_one_alert_that_takes_longer_and_longer_to_be_over(
    watch: Watch, engine: Engine
) -> None:
    gauge = Gauge()
    conditions = [gauge.condition("flaps")]
    for count in (1, 0, 0, 0) * 30:  # an hour: wrong for half a minute in every two
        gauge.count = count
        watch.look(conditions, after=MINUTE / 2)
    opened = [title for target, title in watch.told() if target == "on_call"]
    assert newest(engine).reopened == 0
    assert len(opened) <= 3  # and not 30: at once, after 15 and after 45 minutes

    ends = []
    for _ in range(3):
        gauge.count, began = 0, watch.now
        while newest(engine).status != "resolved":
            watch.look(conditions, after=MINUTE / 2)
        ends.append(watch.now - began)
        gauge.count = 1
        watch.look(conditions, after=MINUTE)
    assert ends[0] < ends[1] < ends[2]
    assert newest(engine).reopened == 3
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM strongroom.alerts")).scalar() == 1

    gauge.count = 0
    while newest(engine).status != "resolved":
        watch.look(conditions, after=MINUTE)
    gauge.count = 1
    watch.look(conditions, after=COMES_BACK_WITHIN + MINUTE)
    assert newest(engine).reopened == 0  # a new one


def test_many_workers_at_once_tell_people_once(watch: Watch, engine: Engine) -> None:
    gauge = Gauge(count=1)
    conditions = [gauge.condition(f"at_once_{number}", title=TITLE) for number in range(5)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: watch.look(conditions), range(12)))
        list(pool.map(lambda _: watch.send(), range(4)))
    assert watch.told() == sorted(said(P1_FIRST, "P1") * 5)
    with engine.connect() as connection:
        count = text("SELECT count(*), sum(tellings) FROM strongroom.alerts")
        assert tuple(connection.execute(count).one()) == (5, 5)


def test_the_database_itself_allows_one_alert_that_is_not_over(engine: Engine) -> None:
    statement = text("""
        INSERT INTO strongroom.alerts
               (id, condition, priority, status, figures, since, last_seen_at)
        VALUES (:id, 'one', 'P1', 'pending', '{}', now(), now()) ON CONFLICT DO NOTHING
    """)
    with engine.begin() as connection:
        assert [connection.execute(statement, {"id": id_}).rowcount for id_ in "ab"] == [1, 0]


def test_a_condition_that_cannot_be_looked_at_is_an_alert_and_changes_none(
    watch: Watch, engine: Engine
) -> None:
    broken, sound = Gauge(count=1), Gauge(count=1)
    conditions = [
        broken.condition("breaks", title="Broken"),
        sound.condition("sound", title="Sound"),
    ]
    watch.look(conditions)
    watch.told()
    broken.fails = True
    done = watch.look(conditions, after=MINUTE)
    assert done.unreadable == ["breaks"]
    assert watch.told() == [
        ("sre", "[P2] Conditions cannot be looked at"),
        ("support", "[P2] Conditions cannot be looked at"),
    ]
    assert "breaks" in watch.pager.messages()[0]["message"]
    watch.look(conditions, after=10 * MINUTE)
    with engine.connect() as connection:
        states = text("SELECT condition, status, seen FROM strongroom.alerts ORDER BY 1")
        found = {row.condition: (row.status, row.seen) for row in connection.execute(states)}
    assert found["breaks"] == ("open", 1)
    assert found["sound"] == ("open", 3)
    broken.fails = False
    watch.look(conditions, after=MINUTE)
    watch.look(conditions, after=3 * MINUTE)
    over = [title for _, title in watch.told() if title.endswith(": over")]
    assert over == ["[P2] Conditions cannot be looked at: over"] * 2


def test_a_question_that_takes_too_long_is_given_up(watch: Watch) -> None:
    def sleep(session: Any, *_: Any) -> Any:
        session.execute(text("SET LOCAL statement_timeout = '50ms'"))  # sooner than the 3 s
        session.execute(text("SELECT pg_sleep(5)"))

    slow = dataclasses.replace(Gauge().condition("slow"), measure=sleep)
    assert watch.look([slow]).unreadable == ["slow"]
