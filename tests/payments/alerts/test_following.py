import datetime as dt

from tests.payments.alerts.conftest import MINUTE, Gauge, Watch

P1_FIRST = ["executive", "finance_lead", "on_call"]
TITLE = "[P1] Something is wrong"


def test_one_message_for_each_target_and_one_when_it_is_over(watch: Watch) -> None:
    gauge = Gauge()
    conditions = [gauge.condition("goes")]
    watch.look(conditions)
    assert watch.told() == []
    gauge.count, gauge.keys = 3, ("rel_1", "rel_2", "rel_3")
    for _ in range(3):
        watch.look(conditions, after=MINUTE / 2)
    assert watch.told() == [(target, TITLE) for target in P1_FIRST]
    message = watch.pager.messages()[0]["message"]
    assert "3" in message
    assert "rel_2" in message
    assert "https://console.test/console/runbooks/duplicate-release" in message

    gauge.count = 0
    watch.look(conditions, after=MINUTE / 2)
    assert watch.told() == []
    watch.look(conditions, after=dt.timedelta(minutes=3))
    assert watch.told() == [(target, f"{TITLE}: over") for target in P1_FIRST]
