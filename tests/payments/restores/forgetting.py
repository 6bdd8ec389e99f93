"""A database that is kept as it is at a moment, and used again after more has happened.

A copy taken by `CREATE DATABASE … TEMPLATE` is what a restore to that moment gives; only the
timeline is the same, so a test that wants it noticed says `begin`.
"""

import dataclasses
import datetime as dt
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy import Engine, select

from payments.access.caller import Caller, Role
from payments.database import API_ROLE, WORKER_ROLE, connect_engine, in_transaction
from payments.payouts.tables import SellerPayout
from payments.providers.connect import Providers
from payments.providers.truelayer.adapter import TrueLayer
from payments.restores.begin_restore import begin_restore
from payments.restores.finish_restore import finish_restore
from payments.restores.read_restores import list_findings
from payments.restores.reconcile import reconcile_restore
from payments.restores.settle_finding import settle_finding
from payments.restores.tables import Restore, RestoreFinding
from payments.standstill.standing import gate
from tests.databases import Servers
from tests.payments.conftest import stripe_at
from tests.payments.payouts.sellers import Sellers
from tests.payments.shop import CIPHER, Shop, new_reference
from tests.payments.simulated_bank import Bank

ONE = Caller(principal="key:one", role=Role.OPERATOR)
OTHER = Caller(principal="key:other", role=Role.OPERATOR)


@dataclasses.dataclass
class Restored:
    """The database as it was at the moment, the providers as they are now."""

    engine: Engine
    sellers: Sellers
    restored_to: dt.datetime
    restore: Restore | None = None

    def begin(self) -> Restore:
        with working_as(API_ROLE, self.engine) as web:
            self.restore = begin_restore(
                web,
                caller=ONE,
                reference=new_reference(),
                reason="the disk broke",
                restored_to=self.restored_to,
                now=self.sellers.now,
            ).resource
        return self.restore

    def reconcile(self) -> None:
        with working_as(WORKER_ROLE, self.engine) as worker:
            reconcile_restore(
                worker,
                restore_id=None,
                providers=self.sellers.providers,
                cipher=CIPHER,
                chains={},
                clock=lambda: self.sellers.now,
            )

    def findings(self) -> list[RestoreFinding]:
        assert self.restore is not None
        restore_id = self.restore.id
        return in_transaction(
            self.engine, lambda session: list(list_findings(session, restore_id, limit=1000))
        )

    def finding(self, provider_ref: str) -> RestoreFinding:
        [found] = [one for one in self.findings() if one.provider_ref == provider_ref]
        return found

    def settle(self, finding: RestoreFinding) -> None:
        in_transaction(
            self.engine,
            lambda session: settle_finding(
                session,
                caller=ONE,
                reference=new_reference(),
                finding_id=finding.id,
                note="looked at",
                now=self.sellers.now,
            ),
        )

    def finish_by(self, caller: Caller) -> Restore:
        return in_transaction(
            self.engine,
            lambda session: finish_restore(
                session,
                caller=caller,
                reference=new_reference(),
                restore_id=None,
                now=self.sellers.now,
            ),
        ).resource

    def finish(self) -> None:
        """Settle what is open, and finish by two."""
        for finding in self.findings():
            if finding.status == "open":
                self.settle(finding)
        assert self.finish_by(ONE).status == "finish_requested"
        assert self.finish_by(OTHER).status == "finished"

    def go_through(self) -> None:
        """Begin, reconcile and finish."""
        self.begin()
        self.reconcile()
        self.finish()

    def pay_everything(self) -> None:
        """Let a day go by in which every payout that is due is sent."""
        for _ in range(4):
            self.sellers.wait(minutes=10)
            self.sellers.pay()

    def payout(self, payout_id: str) -> SellerPayout | None:
        wanted = select(SellerPayout).filter_by(id=payout_id)
        return in_transaction(self.engine, lambda session: session.scalars(wanted).first())


@contextmanager
def working_as(role: str, engine: Engine) -> Iterator[Engine]:
    """Give the way to the same database with the rights of web or of a worker."""
    url = engine.url.render_as_string(hide_password=False)
    narrow = connect_engine(url, pool_size=2, role=role)
    try:
        yield narrow
    finally:
        narrow.dispose()


@contextmanager
def copy_of(servers: Servers, engine: Engine) -> Iterator[Engine]:
    """Keep a database as it is now, and give the way to that copy."""
    name = f"restored_{secrets.token_hex(6)}"
    copy_database(servers, engine, name)
    copy = connect_engine(servers.owner_url.rsplit("/", 1)[0] + f"/{name}")
    try:
        yield copy
    finally:
        copy.dispose()
        servers.drop_database(name)


def copy_database(servers: Servers, engine: Engine, name: str) -> None:
    engine.dispose()
    with psycopg.connect(servers.superuser_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER strongroom").format(
                sql.Identifier(name), sql.Identifier(engine.url.database or "")
            )
        )


class Moment:
    """A database as it was, kept beside the one that goes on."""

    def __init__(self, servers: Servers, sellers: Sellers, bank: Bank | None) -> None:
        self._servers = servers
        self._sellers = sellers
        self._bank = bank
        self._name = f"restored_{secrets.token_hex(6)}"
        self._at = sellers.now
        copy_database(servers, sellers.engine, self._name)

    @contextmanager
    def restored(self) -> Iterator[Restored]:
        url = self._servers.owner_url.rsplit("/", 1)[0] + f"/{self._name}"
        engine = connect_engine(url)
        banks = {}
        if self._bank is not None:
            banks["truelayer"] = TrueLayer(self._bank.settings, gate=gate(engine))
        stripe = stripe_at(self._sellers.stripe_url, gate=gate(engine))
        shop = Shop(engine, self._sellers.shop.buyer_id, self._sellers.shop.seller_id)
        sellers = Sellers(shop, Providers(stripe, banks=banks), self._sellers.stripe_url)
        sellers.now = self._sellers.now + dt.timedelta(minutes=1)
        try:
            yield Restored(engine, sellers, self._at)
        finally:
            engine.dispose()
            self._servers.drop_database(self._name)
