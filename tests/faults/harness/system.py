"""The whole system as processes on stores of its own, every one of which a test may take away."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import psutil
import requests
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from payments.database import connect_engine, in_transaction, transaction
from sandbox.calls import Cast, gather
from sandbox.environment import Plan
from sandbox.home import Home
from sandbox.ports import Ports
from sandbox.processes import Processes, Program
from sandbox.programs import programs
from sandbox.seed import seed
from sandbox.valkey import Valkey
from sandbox.way_in import WayIn, loopback_session
from tests.conditions import wait_until
from tests.databases import embedded_postgres, free_port, migrate
from tests.faults.harness.books import ProviderBooks
from tests.faults.harness.proxy import CommitCutter

RECOVERY_S = 60.0
_REVIVED = ("worker", "urgent", "chains", "relay")  # web's workers gunicorn starts anew itself
_Found = TypeVar("_Found")


class Acknowledged(NamedTuple):
    """A request that was answered with 2xx."""

    path: str
    reference: str
    answer: dict[str, Any]


class System:
    """Everything that runs, what was acknowledged, and the ways to break it."""

    def __init__(self, folder: Path, *, randomness: random.Random) -> None:
        home = Home(folder / "home")
        home.path.mkdir()
        self.crash_file = folder / "crash-at"
        self.postgres = embedded_postgres(folder, durable=True)
        self.plan = Plan(
            home=home,
            ports=Ports(*(free_port() for _ in range(9))),
            secrets=home.secrets(),
            given={"PATH": os.defpath, "WEB_CONCURRENCY": "1"},
        )
        self.valkey = Valkey(
            data=home.valkey,
            port=self.plan.ports.valkey,
            password=self.plan.secrets.valkey_password,
            log=folder / "valkey.log",
        )
        self.books = ProviderBooks(home.stripe)
        self.bank_books = ProviderBooks(home.bank)
        self.acknowledged: list[Acknowledged] = []
        self._randomness = randomness
        self._processes = Processes(home.path, logs=home.logs)
        self._programs: dict[str, Program] = {}
        self._paying: list[Future[dict[str, Any]]] = []
        self._keeping = threading.Event()
        self._keeper = threading.Thread(target=self._keep_running, daemon=True)
        self.engine = connect_engine(self.postgres.url())
        self.proxy = CommitCutter(self.postgres.port, randomness=randomness)
        self.way_in: WayIn
        self.cast: Cast

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        direct_url = self.postgres.start()
        migrate(direct_url)
        settings = self.plan.settings(
            database_url=direct_url.replace(f":{self.postgres.port}/", f":{self.proxy.port}/"),
            redis_url=self.valkey.start(),
        )
        armed = settings | {"CRASH_AT": str(self.crash_file)}
        started = [it for it in programs(self.plan, armed) if it.name != "shop"]
        self._programs = {program.name: program for program in started}
        for program in started:
            self._processes.start(program)
        for program in started:
            self._processes.wait(program, timeout_s=60)
        self.way_in = _way_in(self.plan, seed(self.plan, settings), settings)
        self.cast = gather(self.way_in)
        self._keeper.start()

    def stop(self) -> None:
        """Stop all of it, also after half a start."""
        self._keeping.set()
        if self._keeper.ident is not None:
            self._keeper.join()
        self._processes.stop(patience_s=6)
        self.valkey.stop()
        self.proxy.stop()
        self.engine.dispose()
        self.postgres.stop()
        self.postgres.remove()

    # ---- callers -------------------------------------------------------------------------------

    def ask(
        self, session: requests.Session, path: str, body: dict[str, Any], *, timeout_s: float = 30
    ) -> requests.Response | None:
        """Send a request once; None when the connection broke. A 2xx is remembered."""
        try:
            answer = session.post(f"{self.way_in.base_url}{path}", json=body, timeout=timeout_s)
        except requests.RequestException:
            return None
        if answer.ok:
            self.acknowledged.append(Acknowledged(path, body["reference"], answer.json()))
        return answer

    def insist(
        self, session: requests.Session, path: str, body: dict[str, Any]
    ) -> requests.Response:
        """Repeat one request, as a caller does, until it has an answer that is final."""
        deadline = time.monotonic() + RECOVERY_S
        while True:
            answer = self.ask(session, path, body)
            if answer is not None and _is_final(answer):
                return answer
            if answer is not None and answer.status_code == HTTPStatus.CONFLICT:
                self.time_passes()  # a lease of a request that is over need not be waited for
            if time.monotonic() > deadline:
                told = "no answer" if answer is None else f"{answer.status_code}: {answer.text}"
                raise AssertionError(f"POST {path} came to no end in {RECOVERY_S:.0f} s: {told}")
            time.sleep(0.05)

    def order(self) -> dict[str, Any]:
        """Place an order of $135.00 as the platform's backend."""
        return self._made(self.cast.backend, "/api/orders", self.new_order())

    def new_order(self) -> dict[str, Any]:
        """Return what an order is asked for with."""
        line = {"description": "Stool", "quantity": 1, "unit_amount": "12500", "tax_rate": "8"}
        return {
            "reference": f"order-{self._randomness.getrandbits(64):x}",
            "buyer_id": self.cast.buyer_id,
            "seller_id": self.cast.seller_id,
            "currency": "USD",
            "lines": [line],
            "platform_fee": "625",
        }

    def payment(self, *, capture: str = "automatic") -> dict[str, Any]:
        """Start paying a new order, as the platform's backend."""
        order = self.order()
        body = {"reference": f"pay-{order['id']}", "order_id": order["id"], "capture": capture}
        return self._made(self.cast.backend, "/api/payments/intents", body)

    def confirm(self, payment: dict[str, Any], card: str = "pm_card_visa") -> None:
        """Do what the payer's browser does at Stripe, until Stripe has an answer."""
        intent_id = payment["client_secret"].partition("_secret_")[0]
        form = {
            "key": payment["publishable_key"],
            "client_secret": payment["client_secret"],
            "payment_method": card,
            "use_stripe_sdk": "true",
        }
        url = f"{self.way_in.stripe_api_url}/v1/payment_intents/{intent_id}/confirm"
        answer = loopback_session().post(url, data=form, timeout=30)
        assert answer.status_code in (200, 402), answer.text

    def paid(self) -> dict[str, Any]:
        """Return a payment that has succeeded, here too."""
        payment = self.payment()
        self.confirm(payment)
        self.wait_for_status(payment, "succeeded")
        return payment

    def pay_all(self, count: int, *, meanwhile: Callable[[], None]) -> list[dict[str, Any]]:
        """Start and confirm payments, four at a time, while something happens; return them."""

        def pay() -> dict[str, Any]:
            payment = self.payment()
            self.confirm(payment)
            return payment

        with ThreadPoolExecutor(4) as callers:
            self._paying = [callers.submit(pay) for _ in range(count)]
            meanwhile()
            return [one.result() for one in self._paying]

    def status(self, payment: dict[str, Any]) -> str:
        """Return a payment's status as the database has it."""
        with transaction(self.engine) as session:
            found = text("SELECT status FROM strongroom.payments WHERE id = :id")
            return str(session.execute(found, {"id": payment["id"]}).scalar_one())

    def wait_for_status(self, payment: dict[str, Any], *wanted: str) -> None:
        """Wait until a payment has one of these statuses."""
        self.eventually(lambda: self.status(payment) in wanted)

    def web_answers(self) -> bool:
        """Tell whether web answers, which it does not while its worker starts anew."""
        return self._programs["web"].answers()

    def count(self, table: str, **values: str) -> int:
        """Return how many rows of a table have these values."""
        where = " AND ".join(f"{name} = :{name}" for name in values)
        with transaction(self.engine) as session:
            found = text(f"SELECT count(*) FROM strongroom.{table} WHERE {where or 'true'}")
            return int(session.execute(found, values).scalar_one())

    def booked_charges(self) -> set[str]:
        """Return the ids of the payments whose charge is in the ledger."""
        with transaction(self.engine) as session:
            found = (
                "SELECT split_part(effect_key, ':', 1) FROM ledger.entries WHERE kind = 'charge'"
            )
            return set(session.scalars(text(found)))

    def _made(self, session: requests.Session, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.insist(session, path, body)
        assert answer.status_code in (200, 201), f"{path}: {answer.status_code} {answer.text}"
        made: dict[str, Any] = answer.json()
        return made

    # ---- faults --------------------------------------------------------------------------------

    def crash_at(self, point: str) -> None:
        """Have the next process that comes by a point die there."""
        fresh = self.crash_file.with_suffix(".new")
        fresh.write_text(point)
        fresh.rename(self.crash_file)

    def crashed(self) -> bool:
        """Tell whether somebody died at the point given last."""
        return not self.crash_file.exists()

    @contextmanager
    def redis_paused(self) -> Iterator[None]:
        """Stop Valkey without closing its connections (SIGSTOP)."""
        server = psutil.Process(self.valkey.pid)
        server.suspend()
        try:
            yield
        finally:
            server.resume()

    def turn_knob(self, name: str, **values: Any) -> dict[str, Any]:
        """Have the simulated Stripe go wrong as sandbox/stripe/knobs.py says; `was`: until now."""
        url = f"{self.way_in.stripe_api_url}/_sandbox/{name}"
        with loopback_session(self.way_in.stripe_secret_key) as session:
            was = session.get(url, timeout=30).json().get("rules", []) if name == "faults" else []
            answer = session.put(url, json=values, timeout=30)
            assert answer.ok, answer.text
            return {**answer.json(), "was": was}

    def flush_redis(self) -> None:
        """Throw away all that Redis knows."""
        self.valkey_client().flushall()

    def kill_redis(self) -> None:
        """Kill Valkey (SIGKILL) and wait until it is gone."""
        pid = self.valkey.pid
        assert pid is not None
        server = psutil.Process(pid)
        server.kill()
        wait_until(lambda: not self.valkey.is_running())
        self.valkey.stop()

    def restart_postgres(self) -> None:
        """Stop PostgreSQL as a crash would (immediate shutdown) and start it again."""
        postmaster = self.postgres.pid
        assert postmaster is not None
        os.kill(postmaster, signal.SIGQUIT)
        wait_until(lambda: not self.postgres.is_running(), timeout_s=30)
        self.postgres.start()

    def kill(self, name: str) -> None:
        """Kill one process of a program unless it is down: web's worker, not its master."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._processes._running[name].pid)
            children = process.children()
            (children[0] if children else process).kill()

    def time_passes(self) -> None:
        """Let all leases and waits be over, instead of waiting for that."""
        for statement in _TIME_PASSES:  # each alone: rows are locked in no order of ours
            with suppress(OperationalError):  # PostgreSQL may be away; the next call does it
                in_transaction(self.engine, _execution_of(statement))

    def valkey_client(self) -> Any:
        """Return a client of this system's Valkey."""
        import redis  # noqa: PLC0415 - for faults only

        return redis.Redis.from_url(self.valkey.url(), socket_timeout=2)

    # ---- conditions ----------------------------------------------------------------------------

    def eventually(self, look: Callable[[], _Found], *, within_s: float = RECOVERY_S) -> _Found:
        """Return what `look` finds as soon as it is true; the database may be away meanwhile."""
        deadline = time.monotonic() + within_s
        while True:
            with suppress(OperationalError):
                if found := look():
                    return found
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within_s:.0f} s\n{self.log_ends()}")
            time.sleep(0.02)

    def let_time_pass_until(self, look: Callable[[], bool]) -> None:
        """Let all leases and waits be over, again and again, until something is so."""

        def look_after_a_while() -> bool:
            self.time_passes()
            with suppress(AssertionError):
                wait_until(look, timeout_s=0.5)
                return True
            return False

        self.eventually(look_after_a_while)

    def wait_for_progress(self, steps: int = 1) -> None:
        """Wait until payments have made so many more steps, or none are being made any more."""
        so_far = self.eventually(lambda: [self.count("payment_events")])[0]
        self.eventually(
            lambda: (
                all(one.done() for one in self._paying)
                or self.count("payment_events") >= so_far + steps
            )
        )

    def settle(self) -> None:
        """Wait until all was told by the providers, and everything told has been worked on."""
        self.crash_file.unlink(missing_ok=True)
        self.proxy.cut(0)
        self.let_time_pass_until(self._is_quiet)

    def _is_quiet(self) -> bool:
        with suppress(OperationalError), transaction(self.engine) as session:
            untold = self.books.undelivered() + self.bank_books.undelivered()
            return not untold and not session.scalar(text(_AT_WORK))
        return False

    def log_ends(self) -> str:
        """Return the last lines of every process."""
        ends = []
        for log in sorted(self.plan.home.logs.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-8:]
            ends += [f"--- {log.name}", *(line[:400] for line in lines)]
        return "\n".join(ends)

    def _keep_running(self) -> None:
        """Start anew whatever died, as a process supervisor does."""
        while not self._keeping.wait(0.02):
            for name in _REVIVED:
                running = self._processes._running.get(name)
                if running is not None and running.poll() is not None:
                    self._processes.start(self._programs[name])


_AT_WORK = """
    SELECT EXISTS (SELECT FROM strongroom.webhook_inbox WHERE state = 'new')
        OR EXISTS (SELECT FROM strongroom.outbox
                    WHERE state IN ('waiting', 'leased') AND job = 'drain_webhooks')
        OR EXISTS (SELECT FROM strongroom.provider_calls WHERE state IN ('intent', 'unknown'))
        OR EXISTS (SELECT FROM strongroom.seller_payouts
                    WHERE status IN ('queued', 'intent', 'unknown'))
        OR EXISTS (SELECT FROM strongroom.chain_intents
                    WHERE state NOT IN ('final', 'failed', 'canceled'))
        OR EXISTS (SELECT FROM strongroom.escrow_effects WHERE state = 'seen')
        OR EXISTS (SELECT FROM strongroom.live_events WHERE position IS NULL)"""
_TIME_PASSES = (
    "UPDATE strongroom.outbox SET lease_until = now() WHERE state = 'leased'",
    "UPDATE strongroom.outbox SET due_at = now() WHERE state = 'waiting' AND attempts > 0",
    "UPDATE strongroom.webhook_inbox SET due_at = now() WHERE state = 'new' AND due_at > now()",
    "UPDATE strongroom.idempotency_keys SET locked_until = now() WHERE locked_until > now()",
    "UPDATE strongroom.provider_calls SET due_at = now() WHERE due_at > now()",
    "UPDATE strongroom.periodic_jobs SET next_at = now() WHERE job ~ '^(p[ao]|res|se[nt]|sy|wa)'",
    "UPDATE strongroom.chain_intents SET due_at = now() WHERE state = 'queued' AND due_at > now()",
    "UPDATE strongroom.payments SET poll_at = now() WHERE poll_at > now()",
    "UPDATE strongroom.refunds SET poll_at = now() WHERE poll_at > now()",
    "UPDATE strongroom.seller_payouts SET due_at = now() WHERE due_at > now()",
)


def _execution_of(statement: str) -> Callable[[Session], object]:
    return lambda session: session.execute(text(statement))


def _is_final(answer: requests.Response) -> bool:
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return False
    return answer.status_code != HTTPStatus.CONFLICT or answer.json().get("code") != "in_progress"


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
