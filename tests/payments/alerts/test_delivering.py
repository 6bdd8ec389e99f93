"""Messages arrive in the end, each once, whatever is away; and none holds up another."""

import dataclasses
import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import Engine, text

from payments.alerts.apprise_sender import NotSentError, send, understands
from payments.alerts.deliver import GIVE_UP_AFTER, deliver_due
from payments.alerts.tell import wake_up_for_leftovers
from payments.database import in_transaction
from tests.payments.alerts.conftest import MINUTE, Gauge, Watch

HOUR = 60 * MINUTE


def states(engine: Engine) -> dict[tuple[str, str], str]:
    query = "SELECT kind, target, state FROM strongroom.alert_deliveries ORDER BY number"
    with engine.connect() as connection:
        return {(row.kind, row.target): row.state for row in connection.execute(text(query))}


def test_a_target_that_is_away_is_told_when_it_is_back(watch: Watch, engine: Engine) -> None:
    conditions = [Gauge(count=1).condition("patient")]
    watch.pager.status = 503
    watch.look(conditions)
    assert watch.send() == {"sent": 0, "not_sent": 3}
    assert watch.send() == {"sent": 0, "not_sent": 0}  # not again at once
    with engine.connect() as connection:
        errors = connection.execute(text("SELECT DISTINCT error FROM strongroom.alert_deliveries"))
        assert errors.scalars().all() == ["failure: HTTP 503"]
    watch.now += MINUTE
    assert in_transaction(
        watch.engine, lambda session: wake_up_for_leftovers(session, now=watch.now)
    )
    watch.pager.status = 200
    assert len(watch.told()) == 3
    assert not in_transaction(
        watch.engine, lambda session: wake_up_for_leftovers(session, now=watch.now)
    )


def test_what_did_not_arrive_gives_way_to_what_is_so_now(watch: Watch, engine: Engine) -> None:
    gauge = Gauge(count=1)
    conditions = [gauge.condition("superseded")]
    watch.pager.status = 500
    watch.look(conditions)
    watch.send()
    gauge.count = 0
    watch.look(conditions, after=MINUTE)
    watch.look(conditions, after=3 * MINUTE)
    watch.pager.status = 200
    told = watch.told()
    assert [title for _, title in told] == ["[P1] Something is wrong: over"] * 3
    assert states(engine)["opened", "on_call"] == "replaced"
    assert states(engine)["resolved", "on_call"] == "delivered"


def test_it_is_given_up_after_a_day_and_that_is_an_alert(watch: Watch, engine: Engine) -> None:
    from payments.alerts.conditions.upkeep import UPKEEP  # noqa: PLC0415 - one of them is looked at

    [lost] = [one for one in UPKEEP if one.name == "alerts_not_delivered"]
    gauge = Gauge(count=1)
    conditions = [gauge.condition("unheard"), lost]
    only_on_call = {**watch.settings.alert_targets, "on_call": ("json://127.0.0.1:9/nobody",)}
    watch.settings = dataclasses.replace(watch.settings, alert_targets=only_on_call)
    watch.look(conditions)
    watch.told()
    watch.look(conditions, after=11 * MINUTE)
    assert watch.told() == [
        ("sre", "[P2] Alerts do not arrive"),
        ("support", "[P2] Alerts do not arrive"),
    ]
    assert "on_call" in watch.pager.messages()[0]["message"]
    watch.now += GIVE_UP_AFTER
    watch.send()
    assert states(engine)["opened", "on_call"] == "failed"


def test_a_service_that_hangs_holds_up_none_of_the_others(watch: Watch) -> None:
    hangs = threading.Event()
    arrived: list[str] = []

    def hang_on_call(address: str, **_told: Any) -> None:
        if address.endswith("on_call"):
            hangs.wait(10)
        arrived.append(address.rpartition("/")[2])
        if len(arrived) == 2:
            hangs.set()

    watch.look([Gauge(count=1).condition("hangs")])
    figures = deliver_due(
        watch.engine, settings=watch.settings, send=hang_on_call, clock=watch.clock
    )
    assert figures["sent"] == 3
    assert arrived[2] == "on_call"


def test_who_died_while_sending_has_it_sent_again(watch: Watch) -> None:
    class KilledError(BaseException):
        """A process that is killed does not clean up."""

    def die(*_: Any, **__: Any) -> None:
        raise KilledError

    watch.look([Gauge(count=1).condition("dies")])
    with pytest.raises(KilledError):
        deliver_due(watch.engine, settings=watch.settings, send=die, clock=watch.clock)
    assert watch.told() == []
    watch.now += 2 * MINUTE
    assert len(watch.told()) == 3


def test_a_target_without_an_address_is_written_down_and_holds_up_nobody(
    watch: Watch, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    some = {"finance_lead": watch.settings.alert_targets["finance_lead"]}
    watch.settings = dataclasses.replace(watch.settings, alert_targets=some)
    watch.look([Gauge(count=1).condition("nobody")])
    assert [target for target, _ in watch.told()] == ["finance_lead"]
    assert states(engine)["opened", "on_call"] == "no_address"
    assert "alert_reaches_nobody" not in capsys.readouterr().out
    watch.settings = dataclasses.replace(watch.settings, alert_targets={})
    watch.look([Gauge(count=1).condition("really_nobody")])
    assert "alert_reaches_nobody" in capsys.readouterr().out


def test_why_it_did_not_arrive_does_not_tell_the_address() -> None:
    with pytest.raises(NotSentError) as caught:
        send("json://user:s3cret@127.0.0.1:9/tok3n", title="t", body="b", kind="opened")
    assert "s3cret" not in str(caught.value)
    assert "tok3n" not in str(caught.value)
    assert understands("mailto://user:password@example.com")
    assert not understands("carrier-pigeon://home")


def test_a_service_that_never_answers_is_given_up_in_time() -> None:
    import socket  # noqa: PLC0415 - for this one

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = dt.datetime.now(dt.UTC)  # noqa: TID251 - it is about real time
        with pytest.raises(NotSentError):
            send(
                f"json://127.0.0.1:{silent.getsockname()[1]}/x",
                title="t",
                body="b",
                kind="opened",
                timeout_s=1,
            )
        assert dt.datetime.now(dt.UTC) - began < dt.timedelta(seconds=6)  # noqa: TID251 - as above
