"""The drill: the server is lost, a backup is brought to a moment, and no money moves twice.

PostgreSQL is a server of the drill's own that archives its log; Stripe is simulated, and forgets
nothing. What is done by hand is done with the commands of the runbook.
"""

import datetime as dt
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from payments.database import connect_engine, transaction
from payments.errors import ConflictError
from payments.lifecycle.tables import Payment
from payments.orders.view import OrderView
from payments.providers.connect import Providers
from payments.refunds.create_refund import create_refund
from payments.standstill.standing import StandingStillError, gate, standing_still
from sandbox.postgres import Postgres
from sandbox.stripe.server import SimulatedStripe
from tests.conditions import wait_until
from tests.databases import embedded_postgres, free_port, migrate
from tests.payments.conftest import SECRET_KEY, simulated, stripe_at
from tests.payments.payouts.sellers import Sellers
from tests.payments.shop import KEYSET, SERVICE, Shop, open_shop
from tests.web.conftest import environment
from web.command_line import main
from web.commands import people

__all__ = ["simulated"]  # a fixture

PART = 1_000
SELLERS_PART = 9_500


@dataclass
class Server:
    """A PostgreSQL that archives, and whoever works with it."""

    postgres: Postgres
    folder: Path
    environ: dict[str, str]

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    def run(self, user: str, *arguments: str, code: int = 0) -> str:
        """Run a command of `strongroom` as somebody."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(people, "login_name", lambda: user)
            ended = CliRunner().invoke(main, arguments, env=self.environ)
        assert ended.exit_code == code, (ended.output, ended.exception)
        return ended.stdout if code == 0 else ended.stderr

    def ask(self, statement: str) -> str:
        with psycopg.connect(self.postgres.superuser_url("strongroom")) as connection:
            row = connection.execute(statement).fetchone()
        assert row is not None
        return str(row[0])

    def archive_all(self) -> None:
        """Have all that was written so far reach the archive."""
        name = self.ask("SELECT pg_walfile_name(pg_switch_wal())")
        wait_until((self.archive / name).exists, timeout_s=20)


@pytest.fixture
def server(tmp_path: Path, redis_url: str, simulated: SimulatedStripe) -> Iterator[Server]:
    postgres = embedded_postgres(tmp_path)
    archive = postgres.data.parent / "archive"
    archive.mkdir(parents=True, exist_ok=True)
    postgres.account.own(archive)
    postgres.settings = {
        **postgres.settings,
        "archive_mode": "on",
        "archive_command": f"cp %p {archive}/%f",
        "hot_standby": "off",
    }
    url = postgres.start()
    migrate(url)
    environ = environment(database_url=url, redis_url=redis_url) | {
        "STRIPE_SECRET_KEY": SECRET_KEY,
        "STRIPE_API_URL": simulated.url,
        "ENCRYPTION_KEYSET": KEYSET,
    }
    del environ["CHAINS"]
    try:
        yield Server(postgres, archive.parent, environ)
    finally:
        postgres.stop()
        postgres.remove()
        shutil.rmtree(archive, ignore_errors=True)


@contextmanager
def brought_back(lost: Server, backup: Path, moment: dt.datetime) -> Iterator[Server]:
    """Lay the backup out by the command, and start a server on it."""
    data = lost.folder / "brought-back"
    told = lost.run(
        "ada",
        *("backup", "restore", "--from", str(backup), "--archive", str(lost.archive)),
        *("--to-time", moment.isoformat(), "--into", str(data)),
    )
    assert "is laid out" in told
    postgres = replace(lost.postgres, data=data, port=free_port())
    for path in (data, *data.rglob("*")):
        postgres.account.own(path)
    url = postgres.start()
    try:
        yield Server(postgres, lost.folder, lost.environ | {"DATABASE_URL": url})
    finally:
        postgres.stop()
        shutil.rmtree(data, ignore_errors=True)


def sellers_at(server: Server, simulated: SimulatedStripe, shop: Shop | None = None) -> Sellers:
    engine = connect_engine(server.environ["DATABASE_URL"])
    stripe = stripe_at(simulated.url, gate=gate(engine))
    shop = open_shop(engine) if shop is None else Shop(engine, shop.buyer_id, shop.seller_id)
    return Sellers(shop, Providers(stripe, banks={}), simulated.url)


def refund(sellers: Sellers, payment: Payment) -> int:
    """Ask for a part of a payment back, as the shop does until it is answered."""
    made = create_refund(
        sellers.engine,
        caller=SERVICE,
        reference="refund-of-the-shop",
        payment_id=payment.id,
        amount=PART,
        reason="requested_by_customer",
        now=sellers.now,
        providers=sellers.providers,
    )
    return made.resource.amount


@dataclass(frozen=True)
class Stripes:
    """What Stripe has done for the drill, by its own books."""

    sellers: Sellers
    account: str

    def transfers(self) -> list[int]:
        page = self.sellers.providers.stripe.v1.transfers.list({"destination": self.account})
        return [one.amount for one in page.data]

    def refunds(self, payment: Payment) -> list[int]:
        page = self.sellers.providers.stripe.v1.refunds.list(
            {"payment_intent": payment.provider_ref or ""}
        )
        return [one.amount for one in page.data]


def backed_up(server: Server) -> Path:
    login = server.folder / "login"
    login.write_text(server.postgres.superuser_url(), encoding="utf-8")
    made = json.loads(
        server.run(
            "ada",
            *("backup", "create", "--to", str(server.folder / "backups")),
            *("--login-file", str(login), "--json"),
        )
    )
    return Path(made["folder"])


def test_the_drill(server: Server, simulated: SimulatedStripe) -> None:
    before = sellers_at(server, simulated)
    account = before.connected_account()
    payout_id = before.release(before.paid_by_card())
    refunded, order = before.paid_by_card(), before.shop.order()
    backup = backed_up(server)
    moment = dt.datetime.fromisoformat(server.ask("SELECT clock_timestamp()"))
    # From here on everything is forgotten, but by Stripe.
    assert before.pay()["sent"] == 1
    assert refund(before, refunded) == PART
    paid = before.paid_by_card(order)
    server.archive_all()
    at_stripe = Stripes(before, account)
    assert (at_stripe.transfers(), at_stripe.refunds(refunded)) == ([SELLERS_PART], [PART])
    before.engine.dispose()
    _lose(server)
    with brought_back(server, backup, moment) as restored:
        after = sellers_at(restored, simulated, before.shop)
        after.now = before.now + dt.timedelta(minutes=1)
        at_stripe = Stripes(after, account)
        try:
            _stands_still_by_itself(restored, after, payout_id, refunded)
            _is_seen_through(restored, moment)
            _goes_on_once(after, at_stripe, payout_id, refunded, order, paid)
        finally:
            after.engine.dispose()


def _lose(server: Server) -> None:
    """Lose the server as if its machine were gone."""
    pid = server.postgres.pid
    assert pid is not None
    subprocess.run(["kill", "-9", str(pid)], check=True)  # noqa: S607 - the system's own
    wait_until(lambda: not server.postgres.is_running(), timeout_s=10)
    server.postgres.stop()


def _stands_still_by_itself(
    server: Server, sellers: Sellers, payout_id: str, refunded: Payment
) -> None:
    """Nobody has said anything yet: the new timeline is enough."""
    with transaction(sellers.engine) as session:
        assert (standing_still(session) or "").startswith("timeline 2 of ")
    assert "Nothing is sent: timeline 2" in server.run("ada", "restore", "status")
    sellers.pay()
    assert sellers.standing(payout_id) == ("queued", None)
    with pytest.raises(Exception, match="restored"):
        refund(sellers, refunded)
    with pytest.raises(StandingStillError):
        sellers.providers.stripe.v1.refunds.create({"payment_intent": refunded.provider_ref or ""})


def _is_seen_through(server: Server, moment: dt.datetime) -> None:
    begun = ("--reason", "The machine is gone.", "--restored-to", moment.isoformat())
    assert "nothing is sent" in server.run("ada", "restore", "begin", *begun)
    refused = server.run("ada", "restore", "finish", code=1)
    assert "reconcile first" in refused
    server.run("ada", "restore", "reconcile")
    found = json.loads(server.run("ada", "restore", "findings", "--json"))
    adopted = sorted(one["kind"] for one in found if one["status"] == "adopted")
    assert adopted == ["payment", "payout", "refund"]
    assert "are open" in server.run("ada", "restore", "finish", code=1)
    for one in found:
        if one["status"] == "open":
            assert one["kind"] == "to_check"
            server.run("ada", "restore", "settle", one["id"], "--reason", "A drill: nothing there.")
    assert "somebody else" in server.run("ada", "restore", "finish")
    assert "You asked" in server.run("ada", "restore", "finish", code=1)
    assert "money moves again" in server.run("bob", "restore", "finish")
    assert server.run("bob", "restore", "status") == "Nothing speaks against sending.\n"


def _goes_on_once(
    sellers: Sellers,
    at_stripe: Stripes,
    payout_id: str,
    refunded: Payment,
    order: OrderView,
    paid: Payment,
) -> None:
    for _ in range(3):
        sellers.wait(minutes=10)
        sellers.pay()
    assert sellers.standing(payout_id) == ("paid", None)
    assert refund(sellers, refunded) == PART  # the shop asks again: it never heard
    assert (at_stripe.transfers(), at_stripe.refunds(refunded)) == ([SELLERS_PART], [PART])
    with transaction(sellers.engine) as session:
        assert session.get_one(Payment, paid.id).status == "succeeded"
    with pytest.raises(ConflictError):  # nor does the buyer pay twice
        sellers.paid_by_card(order)
    sellers.assert_invariants()
