"""The jobs that ask Stripe what became of calls and payments, as the worker runs them."""

import dataclasses
import datetime as dt
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from jobs.context import JobContext, connect_context
from jobs.registry import find_job
from jobs.schedule import SCHEDULE
from payments.errors import UnavailableError
from payments.providers.connect import Providers
from payments.providers.stripe.client import StripeClient
from tests.jobs.environment import make_settings
from tests.payments.conftest import Line, line, shop, simulated, stripe
from tests.payments.intake.counter import Counter
from tests.payments.shop import Shop

__all__ = ["line", "shop", "simulated", "stripe"]  # fixtures of the domain's tests


@pytest.fixture
def counter(shop: Shop, stripe: StripeClient) -> Counter:
    return Counter(shop, stripe)


@pytest.fixture
def context(
    engine: Engine, database_url: str, redis_url: str, counter: Counter
) -> Iterator[JobContext]:
    context = connect_context(make_settings(database_url=database_url, redis_url=redis_url))
    yield dataclasses.replace(
        context,
        engine=engine,
        providers=Providers(stripe=counter.stripe, banks={}),
        clock=lambda: counter.now,
    )
    context.engine.dispose()
    context.bell.close()


def test_both_run_often_enough_to_be_noticed_within_a_minute() -> None:
    every = {periodic.job: periodic.every for periodic in SCHEDULE}
    assert every["resolve_calls"] <= dt.timedelta(seconds=15)
    assert every["poll_payments"] <= dt.timedelta(seconds=15)


def test_a_charge_nobody_heard_of_is_seen_by_the_job(
    context: JobContext, counter: Counter, line: Line
) -> None:
    payment = counter.start()
    line.fault = "lost_answer"
    with pytest.raises(UnavailableError):
        counter.confirm(payment.id)
    line.fault = None
    run = find_job("resolve_calls").run
    assert run(context, {}) == {}
    counter.wait(minutes=1)
    assert run(context, {}) == {"done": 1}
    assert counter.row(payment.id).status == "succeeded"


def test_a_payment_that_was_left_is_given_up_by_the_job(
    context: JobContext, counter: Counter
) -> None:
    payment = counter.start()
    counter.wait(hours=25)
    assert find_job("poll_payments").run(context, {})["given_up"] == 1
    assert counter.row(payment.id).status == "expired"
