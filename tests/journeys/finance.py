"""What finance does at a month's end, over HTTP and with the command, for journeys."""

import datetime as dt
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from sqlalchemy import Engine, text

from payments.database import in_transaction
from sandbox.calls import TIMEOUT_S, created
from sandbox.way_in import loopback_session
from tests.conditions import wait_until

if TYPE_CHECKING:
    from tests.journeys.conftest import System

PATIENCE_S = 40
COMMAND_S = 60

Body = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """What a command of `strongroom` came to."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class FinanceOffice:
    """Finance, its second person, the operator and support, each with a key of their own."""

    system: "System"
    engine: Engine
    sessions: dict[str, requests.Session] = field(default_factory=dict)

    def who(self, role: str) -> requests.Session:
        """Return somebody of a role."""
        if role not in self.sessions:
            self.sessions[role] = loopback_session(self.system.way_in.api_keys[role])
        return self.sessions[role]

    # ---- calls ---------------------------------------------------------------------------------

    def get(self, path: str, *, by: str = "finance", **query: str) -> requests.Response:
        """Read something under /api/ledger."""
        return self.who(by).get(self._url(path), params=query, timeout=TIMEOUT_S)

    def post(
        self, path: str, body: Body | None = None, *, by: str = "finance"
    ) -> requests.Response:
        """Ask for something under /api/ledger, with a reference of its own."""
        asked = {"reference": secrets.token_hex(16), **(body or {})}
        return self.who(by).post(self._url(path), json=asked, timeout=TIMEOUT_S)

    def report(self, name: str, **query: str) -> requests.Response:
        """Fetch a report that must be there."""
        answer = self.get(f"reports/{name}", **query)
        assert answer.ok, answer.text
        return answer

    def command(self, *arguments: str, folder: Path) -> Command:
        """Run `strongroom …` in a process of its own."""
        done = subprocess.run(
            [Path(sys.prefix) / "bin" / "strongroom", *arguments],
            cwd=folder,
            env=self.system.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        return Command(done.returncode, done.stdout, done.stderr)

    # ---- months --------------------------------------------------------------------------------

    def month(self, month: str) -> Body:
        """Return a month as it stands."""
        return created(self.get(f"periods/{month}"))

    def open_items(self, month: str) -> set[str]:
        """Return what of a month's checklist is not green."""
        return {item["name"] for item in self.month(month)["checklist"] if not item["ok"]}

    def kept(self, month: str, revision: int) -> list[Body]:
        """Return what was kept of a closing, once its job has made all of it."""

        def reports() -> list[Body]:
            found = self.month(month)["reports"]
            return [report for report in found if report["revision"] == revision]

        wait_until(lambda: any(r["format"] == "pdf" for r in reports()), timeout_s=PATIENCE_S)
        return reports()

    # ---- entries by hand -----------------------------------------------------------------------

    def ask_entry(
        self, day: dt.date, debit: str, credit: str, amount: str, *, by: str, **more: str
    ) -> requests.Response:
        """Ask for an entry in EUR, amount in cents."""
        asked = {
            "reason": "Month's end.",
            "effective_on": day.isoformat(),
            "lines": [
                {"account": debit, "asset": "EUR", "debit": amount},
                {"account": credit, "asset": "EUR", "credit": amount},
            ],
        }
        return self.post("entries", asked | more, by=by)

    def post_entry(self, day: dt.date, debit: str, credit: str, amount: str, **more: str) -> Body:
        """Have the operator ask for an entry and finance approve it."""
        asked = created(self.ask_entry(day, debit, credit, amount, by="operator", **more))
        posted = created(self.post(f"entries/{asked['id']}/approve"))
        assert posted["status"] == "posted", posted
        return posted

    def entry(self, name: str | int) -> Body:
        """Return an entry by its id, or by its number in the journal."""
        return created(self.get(f"entries/{name}"))

    # ---- what journeys do behind the API -------------------------------------------------------

    def run_job(self, job: str) -> None:
        """Have a periodic job run now, not when its time comes."""
        self._write("UPDATE strongroom.periodic_jobs SET next_at = now() WHERE job = :job", job)

    def put_off_job(self, job: str) -> None:
        """Keep a periodic job from running for an hour."""
        self._write(
            "UPDATE strongroom.periodic_jobs SET next_at = now() + interval '1 h' WHERE job = :job",
            job,
        )

    def let_lease_pass(self, job: str) -> None:
        """Let the time be over in which a worker that died would still have its job."""
        self._write(
            "UPDATE strongroom.outbox SET lease_until = now()"
            " WHERE state = 'leased' AND job = :job",
            job,
        )

    def kill_worker(self) -> None:
        """Kill the worker as nothing can be killed harder, and start another one."""
        self.system.processes.kill("worker")
        self.system.processes.start(self.system.started["worker"])

    def _write(self, statement: str, job: str) -> None:
        in_transaction(self.engine, lambda session: session.execute(text(statement), {"job": job}))

    def _url(self, path: str) -> str:
        return f"{self.system.way_in.base_url}/api/ledger/{path}"


@dataclass(frozen=True)
class Calendar:
    """The month that is over, the one before it, and today; days in UTC."""

    today: dt.date

    @cached_property
    def first(self) -> dt.date:
        """The first day of the month that is over."""
        return self.last.replace(day=1)

    @cached_property
    def last(self) -> dt.date:
        """Its last day."""
        return self.today.replace(day=1) - dt.timedelta(days=1)

    @cached_property
    def before(self) -> dt.date:
        """The last day of the month before it."""
        return self.first - dt.timedelta(days=1)

    @cached_property
    def after(self) -> dt.date:
        """The first day of this month."""
        return self.today.replace(day=1)


def calendar() -> Calendar:
    """Return the days by the running system's clock, which is the real one."""
    return Calendar(dt.datetime.now(dt.UTC).date())  # noqa: TID251 - the running system's own


def month_of(day: dt.date) -> str:
    """Return the month of a day as addresses name it."""
    return f"{day:%Y-%m}"
