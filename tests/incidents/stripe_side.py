"""What incidents do on Stripe's side: its knobs, its dashboard, and what it delivers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from sandbox.calls import TIMEOUT_S, intent_of
from sandbox.way_in import loopback_session
from tests.incidents.conftest import Body
from tests.journeys.conftest import System


@contextmanager
def no_webhooks_at_all(system: System) -> Iterator[None]:
    """Let Stripe send nothing, nor later what it did not send: it has disabled our endpoint."""
    turn_webhooks(system, drop=1.0)
    try:
        yield
    finally:
        turn_webhooks(system)


def turn_webhooks(system: System, **knobs: object) -> None:
    """Say what goes wrong with Stripe's webhooks from now on: nothing, unless it is named."""
    _told(_session(system).put(_url(system, "_sandbox/webhooks"), json=knobs, timeout=TIMEOUT_S))


def redeliver_all(system: System) -> None:
    """Let Stripe deliver what happened again, twice each, as it does late after an outage."""
    wanted = {"copies": [2, 2], "seed": 8}
    url = _url(system, "_sandbox/redeliver")
    _told(_session(system).post(url, json=wanted, timeout=TIMEOUT_S))


def refund_in_dashboard(system: System, payment: Body) -> Any:
    """Give all of a payment back in Stripe's dashboard, past us."""
    form = {"payment_intent": intent_of(payment)}
    url = _url(system, "v1/refunds")
    return _told(_session(system).post(url, data=form, timeout=TIMEOUT_S))


def tell(system: System, event_type: str, thing: Body) -> Any:
    """Let Stripe tell an event about a thing, and deliver it; its answer has the event's id."""
    wanted = {"type": event_type, "object": thing}
    url = _url(system, "_sandbox/events")
    return _told(_session(system).post(url, json=wanted, timeout=TIMEOUT_S))


def _session(system: System) -> requests.Session:
    session = loopback_session()
    session.auth = (system.way_in.stripe_secret_key, "")
    return session


def _url(system: System, path: str) -> str:
    return f"{system.way_in.stripe_api_url}/{path}"


def _told(answer: requests.Response) -> Any:
    answer.raise_for_status()
    return answer.json()
