"""An ask about all that waits gets to the end, whoever among them gives no answer."""

import pytest
from sqlalchemy import Engine

from payments.database import transaction
from payments.errors import UnavailableError
from payments.pending import run_ask
from payments.pending.request_ask import ask_about_all, read_ask
from payments.pending.tables import ProviderAsk
from payments.providers.stripe.client import StripeClient
from tests.payments.intake.counter import Counter
from tests.payments.shop import SERVICE, new_reference, open_shop


class Provider:
    """Answers about some payments, and notes whom it was asked about."""

    def __init__(self) -> None:
        self.silent: set[str] = set()
        self.asked: list[str] = []

    def poll(self, _engine: Engine, payment_id: str, **_: object) -> str:
        self.asked.append(payment_id)
        if payment_id in self.silent:
            raise UnavailableError("No answer.", retry_after_s=1)
        return "open"


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    provider = Provider()
    monkeypatch.setattr(run_ask, "poll_payment", provider.poll)
    return provider


@pytest.fixture
def counter(fresh_engine: Engine, stripe: StripeClient) -> Counter:
    return Counter(open_shop(fresh_engine), stripe)


def begin(counter: Counter) -> str:
    with transaction(counter.shop.engine) as session:
        return ask_about_all(
            session,
            caller=SERVICE,
            reference=new_reference(),
            provider="stripe",
            providers=["stripe"],
            now=counter.now,
            request_id=None,
        ).resource.id


def step(counter: Counter, ask_id: str) -> ProviderAsk:
    engine = counter.shop.engine
    try:
        run_ask.take_step(engine, ask_id, providers=counter.providers, now=counter.now)
    except UnavailableError as error:
        run_ask.postpone(engine, ask_id, error.detail, now=counter.now)
    with transaction(counter.shop.engine) as session:
        return read_ask(session, ask_id)


def test_one_that_gets_no_answer_keeps_no_other_waiting(
    counter: Counter, provider: Provider
) -> None:
    payments = [counter.start().id for _ in range(5)]
    provider.silent = {payments[0], payments[2]}
    ask = step(counter, begin(counter))
    assert provider.asked == payments
    assert (ask.status, ask.asked, ask.error) == ("done", 5, None)


def test_the_last_ones_are_asked_about_again_later(counter: Counter, provider: Provider) -> None:
    payments = [counter.start().id for _ in range(3)]
    provider.silent = {payments[2]}
    ask = step(counter, begin(counter))
    assert (ask.status, ask.asked, ask.position, ask.error) == (
        "running",
        2,
        payments[1],
        "No answer.",
    )
    provider.asked.clear()
    provider.silent.clear()
    assert step(counter, ask.id).status == "done"
    assert provider.asked == [payments[2]]


def test_a_provider_that_is_down_is_left_alone_and_nobody_is_passed_over(
    counter: Counter, provider: Provider
) -> None:
    payments = [counter.start().id for _ in range(6)]
    provider.silent = set(payments[1:])
    ask = step(counter, begin(counter))
    assert provider.asked == payments[:4]
    assert (ask.status, ask.asked, ask.position) == ("running", 1, payments[0])
