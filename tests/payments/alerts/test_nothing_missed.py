"""Nothing is missed, or ended, by how an alert is followed: for days, in faults, among people."""

from typing import Any

from sqlalchemy import Engine, text

from payments.alerts.condition import Measured
from payments.alerts.follow import LONGEST_SETTLING
from tests.payments.alerts.conftest import MINUTE, START, Gauge, Watch
from tests.payments.alerts.test_following import EVERYBODY, HOUR, TITLE, newest, said, take_on

AGAIN = " (still so, and nobody has acknowledged it)"
WORSE = " (more than when it was acknowledged)"


def test_what_comes_and_goes_for_days_is_over_in_the_end_and_hides_nothing(
    watch: Watch, engine: Engine
) -> None:
    gauge, other = Gauge(count=1), Gauge(count=1)
    flaps = [gauge.condition("for_days")]
    watch.look(flaps)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL ROLE NONE"))
        connection.execute(text("UPDATE strongroom.alerts SET reopened = 2000"))
    gauge.count = 0
    watch.look([*flaps, other.condition("other", title="Other")], after=MINUTE)
    assert ("on_call", "[P1] Other") in watch.told()
    watch.look(flaps, after=LONGEST_SETTLING - MINUTE)
    assert newest(engine).status == "open"
    watch.look(flaps, after=MINUTE)
    assert [title for _, title in watch.told()] == [f"[P1] {TITLE}: over"] * 3


def test_a_condition_whose_alert_cannot_be_written_hides_no_other(watch: Watch) -> None:
    def measure(*_: Any) -> Measured:
        return Measured(1, figures={"odd": object()})

    odd = Gauge().condition("odd")
    object.__setattr__(odd, "measure", measure)
    done = watch.look([odd, Gauge(count=1).condition("sound", title="Sound")])
    assert done.unreadable == ["odd"]
    told = {title for _, title in watch.told()}
    assert told == {"[P1] Sound", "[P2] Conditions cannot be looked at"}


def test_what_was_done_to_money_is_not_over_because_a_day_is(watch: Watch, engine: Engine) -> None:
    gauge = Gauge(count=1, keys=("pay_1",))
    conditions = [gauge.condition("lapses", lapses=True, settles_in=0 * MINUTE)]
    watch.look(conditions)
    watch.told()
    gauge.count, gauge.keys = 0, ()
    watch.look(conditions, after=14 * MINUTE)
    assert watch.told() == []
    watch.look(conditions, after=MINUTE)
    assert watch.told() == said(EVERYBODY, "P1", AGAIN)
    assert "pay_1" in watch.pager.messages()[0]["message"]
    take_on(watch, engine)
    watch.look(conditions, after=MINUTE)
    assert watch.told() == said(EVERYBODY, "P1", ": over")


def test_who_acknowledges_takes_on_what_they_were_told_and_not_what_came_since(
    watch: Watch, engine: Engine
) -> None:
    gauge = Gauge(count=1, keys=("rel_1",))
    conditions = [gauge.condition("grows")]
    watch.look(conditions)
    watch.told()
    gauge.count, gauge.keys = 2, ("rel_1", "rel_2")
    watch.look(conditions, after=MINUTE)
    assert watch.told() == []
    take_on(watch, engine)
    watch.look(conditions, after=MINUTE)
    assert watch.told() == said(EVERYBODY, "P1", WORSE)
    take_on(watch, engine, reference="both")
    watch.look(conditions, after=MINUTE)
    assert watch.told() == []


def test_what_gets_worse_is_told_soon_however_long_nobody_took_it_on(watch: Watch) -> None:
    gauge = Gauge(count=1, keys=("rel_1",))
    conditions = [gauge.condition("ignored")]
    for wait in (0 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR):
        watch.look(conditions, after=wait)
        assert watch.told()
    gauge.keys = ("rel_2",)  # the next would be four hours later
    watch.look(conditions, after=14 * MINUTE)
    assert watch.told() == []
    watch.look(conditions, after=MINUTE)
    assert watch.told() == said(EVERYBODY, "P1", AGAIN)
    watch.look(conditions, after=3 * HOUR)
    assert watch.told() == []
    assert watch.now > START
