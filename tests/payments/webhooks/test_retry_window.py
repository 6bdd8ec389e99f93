import datetime as dt

import pytest
from sqlalchemy import Engine

from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.errors import InvalidRequestError
from payments.webhooks.drain_inbox import Drained, drain_inbox
from payments.webhooks.retry_window import (
    RetryWindowView,
    list_retry_windows,
    set_retry_window,
)
from tests.payments.shop import NOW
from tests.payments.webhooks.stripe_events import CIPHER, event, inbox, receive

CONFIGURED = {"stripe": 72}
OPERATOR = Caller(principal="key:ops", role=Role.OPERATOR)


def hours(count: float) -> dt.timedelta:
    return dt.timedelta(hours=count)


def set_window(
    engine: Engine, window_h: int, *, now: dt.datetime, provider: str = "stripe"
) -> RetryWindowView:
    with transaction(engine) as session:
        return set_retry_window(
            session,
            caller=OPERATOR,
            provider=provider,
            hours=window_h,
            configured_h=CONFIGURED,
            now=now,
        )


def drain(
    engine: Engine, *, now: dt.datetime, configured_h: dict[str, int] = CONFIGURED
) -> Drained:
    return drain_inbox(engine, cipher=CIPHER, limit=100, now=now, retry_window_h=configured_h)


def orphan() -> dict[str, object]:
    """Return an event about a payment that nobody here knows."""
    return event("payment_intent.canceled", {"id": "pi_of_nobody", "metadata": {}})


def test_the_configured_window_decides_when_an_event_is_dead(fresh_engine: Engine) -> None:
    stripe_event = orphan()
    receive(fresh_engine, stripe_event)
    for after_h, state in ((0.5, "new"), (2, "dead")):
        drain(fresh_engine, now=NOW + hours(after_h), configured_h={"stripe": 1})
        assert inbox(fresh_engine, [stripe_event])[0].state == state


def test_a_window_set_at_run_time_counts_instead(fresh_engine: Engine) -> None:
    set_window(fresh_engine, 100, now=NOW)
    stripe_event = orphan()
    receive(fresh_engine, stripe_event)
    for after_h, state in ((99.5, "new"), (101, "dead")):
        drain(fresh_engine, now=NOW + hours(after_h))
        assert inbox(fresh_engine, [stripe_event])[0].state == state


def test_widening_revives_the_dead_that_fit_and_no_others(fresh_engine: Engine) -> None:
    old, young = orphan(), orphan()
    receive(fresh_engine, old)
    receive(fresh_engine, young, now=NOW + hours(50))
    drain(fresh_engine, now=NOW + hours(200))
    assert [row.state for row in inbox(fresh_engine, [old, young])] == ["dead", "dead"]

    widened = set_window(fresh_engine, 168, now=NOW + hours(200))
    assert (widened.hours, widened.revived) == (168, 1)
    dead, revived = inbox(fresh_engine, [old, young])
    assert (dead.state, revived.state, revived.finished_at) == ("dead", "new", None)
    assert revived.error  # until it goes through, what was wrong is still to be read
    assert drain(fresh_engine, now=NOW + hours(200)) == Drained(set_aside=1)
    assert inbox(fresh_engine, [young])[0].state == "new"


def test_narrowing_buries_at_the_next_attempt(fresh_engine: Engine) -> None:
    stripe_event = orphan()
    receive(fresh_engine, stripe_event)
    assert set_window(fresh_engine, 1, now=NOW).revived == 0
    drain(fresh_engine, now=NOW + hours(2))
    assert inbox(fresh_engine, [stripe_event])[0].state == "dead"


def test_what_holds_is_listed_with_who_set_it(fresh_engine: Engine) -> None:
    def listed() -> list[RetryWindowView]:
        with transaction(fresh_engine) as session:
            return list_retry_windows(session, configured_h=CONFIGURED)

    assert listed() == [RetryWindowView(provider="stripe", hours=72, set_by=None)]
    set_window(fresh_engine, 100, now=NOW)
    set_window(fresh_engine, 120, now=NOW)
    assert listed() == [RetryWindowView(provider="stripe", hours=120, set_by="key:ops")]


@pytest.mark.parametrize(
    ("provider", "window_h", "field"),
    [("nobody", 72, "provider"), ("stripe", 0, "hours"), ("stripe", 721, "hours")],
)
def test_odd_windows_are_refused(engine: Engine, provider: str, window_h: int, field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        set_window(engine, window_h, now=NOW, provider=provider)
    assert set(caught.value.errors) == {field}
