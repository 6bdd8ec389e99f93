"""The whole system as its own processes, on a test database, for tests that only use HTTP."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine

from payments.database import connect_engine
from sandbox.bank.movements import LINES
from sandbox.calls import (
    TIMEOUT_S,
    Cast,
    balance_of,
    confirm_at_stripe,
    created,
    gather,
    new_order,
    says,
    trial_balance,
)
from sandbox.environment import Plan
from sandbox.home import Home
from sandbox.listener import Listener
from sandbox.ports import Ports
from sandbox.processes import Processes, Program
from sandbox.programs import programs
from sandbox.seed import seed
from sandbox.valkey import Valkey
from sandbox.way_in import WayIn, loopback_session
from tests.databases import Servers, free_port
from tests.journeys.bank import BankRail
from tests.journeys.bank_desk import Desk
from tests.journeys.escrow import EscrowRail


@dataclass(frozen=True)
class System:
    """A running system, everybody who calls it, and what they do again and again."""

    way_in: WayIn
    cast: Cast
    redis_url: str
    database_url: str
    environment: Mapping[str, str]
    home: Home
    processes: Processes
    started: Mapping[str, Program]

    def order(self) -> dict[str, Any]:
        """Place an order of $135.00."""
        answer = self.cast.backend.post(
            f"{self.way_in.base_url}/api/orders", json=new_order(self.cast), timeout=TIMEOUT_S
        )
        return created(answer)

    def payment(self, **other: str) -> dict[str, Any]:
        """Place an order and start paying it as its buyer; `other` goes into the request."""
        order = self.order()
        answer = self.cast.buyer.post(
            f"{self.way_in.base_url}/api/payments/intents",
            json={"reference": f"checkout-{order['id']}", "order_id": order["id"], **other},
            timeout=TIMEOUT_S,
        )
        return created(answer)

    def pay(self, card: str = "pm_card_visa") -> dict[str, Any]:
        """Pay a new order at Stripe and return the payment as it was before."""
        payment = self.payment()
        confirm_at_stripe(self.way_in, payment, card)
        return payment

    def payment_now(
        self, payment: dict[str, Any], who: requests.Session | None = None
    ) -> requests.Response:
        """Ask for a payment, as its buyer or somebody else."""
        session = who or self.cast.buyer
        url = f"{self.way_in.base_url}/api/payments/{payment['id']}"
        return session.get(url, timeout=TIMEOUT_S)

    def held_for(self, payment: dict[str, Any]) -> int:
        """What the ledger holds for a payment's order, in minor units."""
        path = f"liabilities:escrow:{payment['order_id']}"
        return balance_of(trial_balance(self.way_in, self.cast), path, payment["currency"])

    def balance(self, path: str, asset: str = "USD") -> int:
        """What an account of the ledger shows, on its own side."""
        return balance_of(trial_balance(self.way_in, self.cast), path, asset)

    @contextmanager
    def listening(
        self, *, person: str = "buyer", last_event_id: int | None = None
    ) -> Iterator[Listener]:
        """Listen to live events in a signed-in browser."""
        signing_in = loopback_session(self.way_in.tokens[person])
        created(signing_in.post(f"{self.way_in.base_url}/api/session", timeout=TIMEOUT_S))
        browser = loopback_session()
        browser.cookies.update(signing_in.cookies)
        with closing(
            Listener(browser, self.way_in.base_url, last_event_id=last_event_id)
        ) as listener:
            yield listener

    def wait_until(
        self, listener: Listener, payment: dict[str, Any], status: str, *, timeout_s: float = 30
    ) -> dict[str, Any]:
        """Wait until the page hears that a payment has a status; the payment as it hears it."""
        return listener.wait_for(says(payment, status), timeout_s=timeout_s).data


@contextmanager
def running_system(servers: Servers, name: str, folder: Path) -> Iterator[System]:
    """Start a system on a database of its own, seed its people, and stop it in the end."""
    database_url = servers.create_database(name)
    home = Home(folder)
    plan = Plan(home=home, ports=_free_ports(), secrets=home.secrets(), given=_surroundings())
    # A Valkey of its own: all databases of one server share their publish/subscribe channels.
    valkey = Valkey(
        data=home.valkey,
        port=plan.ports.valkey,
        password=plan.secrets.valkey_password,
        log=home.path / "valkey.log",
    )
    processes = Processes(home.path, logs=home.logs)
    try:
        redis_url = valkey.start()
        settings = plan.settings(database_url=database_url, redis_url=redis_url)
        started = programs(plan, settings)
        for program in started:
            processes.start(program)
        for program in started:
            processes.wait(program, timeout_s=120)
        way_in = _way_in(plan, seed(plan, settings), settings)
        yield System(
            way_in,
            gather(way_in),
            redis_url,
            database_url,
            environment={**plan.surroundings(), **settings},
            home=home,
            processes=processes,
            started={program.name: program for program in started},
        )
        processes.check()
    finally:
        processes.stop(patience_s=6)
        valkey.stop()
        servers.drop_database(name)


@pytest.fixture(scope="module")
def books(system: System) -> Iterator[Engine]:
    """The way to the system's database, for what a caller cannot do over HTTP."""
    engine = connect_engine(system.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def rail(system: System, books: Engine) -> Iterator[BankRail]:
    """The system seen from the bank rail; after every test, all invariants hold."""
    rail = BankRail(system, books)
    never = {"execution_s": None, "settlement_s": None, "refund_s": None}
    rail.knob("moments", never, method="PUT")
    yield rail
    rail.knob("lines", LINES, method="PUT")
    assert rail.broken_invariants() == []


@pytest.fixture
def desk(rail: BankRail) -> Desk:
    """The desk of finance."""
    return Desk(rail)


@pytest.fixture
def escrows(system: System, books: Engine) -> Iterator[EscrowRail]:
    """The system seen from the crypto rail; a block is made when a test asks for it, or waits.

    After every test all invariants hold, and each contract has what the ledger says it has.
    """
    rail = EscrowRail(system, books)
    rail.knob("mining", {"every_s": None}, method="PUT")
    yield rail
    rail.knob("faults", {}, method="PUT")
    rail.knob("mining", {"every_s": 1}, method="PUT")
    assert BankRail(system, books).broken_invariants() == []
    assert [rail.in_books(escrow) for escrow in rail.opened] == [
        rail.in_contract(escrow) for escrow in rail.opened
    ]


def _free_ports() -> Ports:
    return Ports(*(free_port() for _ in range(9)))


def _surroundings() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin"}


def _way_in(plan: Plan, seeded: dict[str, dict[str, str]], settings: dict[str, str]) -> WayIn:
    return WayIn(
        base_url=plan.base_url,
        shop_url=plan.shop_url,
        stripe_api_url=plan.stripe_url,
        bank_api_url=plan.bank_url,
        chain_rpc_url=plan.chain_url,
        pager_url=plan.pager_url,
        api_keys=seeded["api_keys"],
        tokens=seeded["tokens"],
        webhook_secrets={"stripe": settings["STRIPE_WEBHOOK_SECRETS"]},
        stripe_secret_key=settings["STRIPE_SECRET_KEY"],
        stripe_publishable_key=settings["STRIPE_PUBLISHABLE_KEY"],
        bank_client_secret=settings["TRUELAYER_CLIENT_SECRET"],
        wallets_secret=plan.secrets.wallets_secret,
    )
