"""A pager to send to, settings that lead there, and a clock that tests move on."""

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine, text

from payments.alert_settings import TARGETS
from payments.alerts.all_conditions import conditions_unreadable
from payments.alerts.apprise_sender import send
from payments.alerts.condition import Condition, Measured
from payments.alerts.deliver import deliver_due
from payments.alerts.evaluate import Evaluation, evaluate_all
from payments.database import WORKER_ROLE, connect_engine
from payments.settings import Settings, read_settings
from sandbox.pager.app import Pager, create_app
from sandbox.serving import LoopbackServer
from tests.payments.shop import KEYSET

ENVIRONMENT = {
    "STRONGROOM_ENV": "sandbox",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "STRIPE_SECRET_KEY": "sk_test_sandbox_0000",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox_0000",
    "STRIPE_WEBHOOK_SECRETS": "whsec_sandbox_new",
    "JWT_JWKS": '{"keys": []}',
    "JWT_ISSUER": "https://id.test",
    "ENCRYPTION_KEYSET": KEYSET,
    "API_KEY_PEPPER": "sandbox pepper",
}
START = dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


@dataclass
class Gauge:
    """A condition whose measure a test sets."""

    count: int = 0
    keys: tuple[str, ...] = ()
    fails: bool = False

    def condition(self, name: str, **given: Any) -> Condition:
        def measure(session: Any, _settings: Settings, _now: dt.datetime) -> Measured:
            if self.fails:
                session.execute(text("SELECT 1 / 0"))
            return Measured(self.count, self.keys)

        values: dict[str, Any] = {
            "priority": "P1",
            "title": "Something is wrong",
            "measured": "Things that are wrong",
            "runbook": "duplicate-release",
        }
        return Condition(name=name, measure=measure, **(values | given))


@dataclass
class Watch:
    """Looks at conditions and sends what is due, at a time that tests move on."""

    engine: Engine
    settings: Settings
    pager: Pager
    now: dt.datetime = START
    seen: int = field(default=0)

    def clock(self) -> dt.datetime:
        return self.now

    def look(
        self, conditions: Sequence[Condition], *, after: dt.timedelta = dt.timedelta(0)
    ) -> Evaluation:
        self.now += after
        return evaluate_all(
            self.engine,
            conditions,
            settings=self.settings,
            clock=self.clock,
            unreadable=conditions_unreadable,
        )

    def send(self) -> dict[str, int]:
        return deliver_due(self.engine, settings=self.settings, send=send, clock=self.clock)

    def told(self) -> list[tuple[str, str]]:
        """Send what is due and return whom was told what since the last time, sorted."""
        self.send()
        messages = self.pager.messages()
        fresh = messages[: len(messages) - self.seen]
        self.seen = len(messages)
        return sorted((one["target"], one["title"]) for one in fresh)


@pytest.fixture
def pager_url() -> Iterator[tuple[Pager, str]]:
    pager = Pager()
    server = LoopbackServer(create_app(pager))
    server.start()
    yield pager, server.url
    server.stop()


@pytest.fixture
def watch(engine: Engine, database_url: str, pager_url: tuple[Pager, str]) -> Iterator[Watch]:
    pager, url = pager_url
    pager.status = 200
    address = url.replace("http://", "json://")
    settings = read_settings({**ENVIRONMENT, "DATABASE_URL": database_url})
    told = dataclasses.replace(
        settings,
        alert_targets={target: (f"{address}/{target}",) for target in TARGETS},
        console_url="https://console.test/console",
    )
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL ROLE NONE"))
        connection.execute(text("TRUNCATE strongroom.alert_deliveries, strongroom.alerts"))
    worker = connect_engine(database_url, pool_size=6, role=WORKER_ROLE)
    yield Watch(worker, told, pager, seen=len(pager.messages()))
    worker.dispose()
