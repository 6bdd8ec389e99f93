"""How far a run has come: one run at a time, each step with its figures in one transaction."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.database import in_transaction
from payments.delivery import live_events
from payments.reconciliation.request_run import run_as_event
from payments.reconciliation.tables import ReconciliationRun

TOPIC = "reconciliation.updated"
DIED = "It was broken off, and nobody has taken it up again for a day."
_TAKEN_UP_FOR = dt.timedelta(days=1)
_LOCK = "hashtextextended('strongroom.reconciliation', 0)"

Figures = dict[str, int]


class PausedError(Exception):
    """The run has had its time for now; another job goes on with it."""


@contextmanager
def turn(engine: Engine) -> Iterator[bool]:
    """Hold the only turn there is for the length of the block; False: somebody else has it.

    PostgreSQL takes it back as soon as this process or its connection ends.
    """
    with engine.connect() as plain:
        connection = plain.execution_options(isolation_level="AUTOCOMMIT")
        taken = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_LOCK})").scalar_one()
        try:
            yield bool(taken)
        finally:
            if taken:
                with suppress(DBAPIError):  # then the connection is gone, and the turn with it
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK})")


class Progress:
    """A run that this process has the turn to make; stops making it when its time is over."""

    def __init__(
        self, engine: Engine, run_id: str, *, clock: Callable[[], dt.datetime], until: dt.datetime
    ) -> None:
        self._engine = engine
        self._run_id = run_id
        self._clock = clock
        self._until = until
        self._figures: Figures = {}
        self.date_window_days = 0

    @property
    def cause(self) -> str:
        """What the payments' history names as the reason of what the run told it."""
        return f"reconciliation:{self._run_id}"

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._run_id

    def now(self) -> dt.datetime:
        """Return the time in UTC."""
        return self._clock()

    def begin(self) -> bool:
        """Start the run, or take it up where its worker died; False when it is over already."""
        now = self._clock()

        def start(session: Session) -> bool:
            run = session.get_one(ReconciliationRun, self._run_id, with_for_update=True)
            if run.status in ("done", "failed"):
                return False
            run.status, run.error = "running", None
            run.started_at = run.started_at or now
            self._figures, self.date_window_days = dict(run.figures), run.date_window_days
            _give_up_the_dead(session, run.id, now=now)
            _announce(session, run, now=now)
            return True

        return in_transaction(self._engine, start)

    def enter(self, phase: str, *, steps: int = 0) -> None:
        """Say what the run does next, and in how many steps."""

        def write(session: Session) -> None:
            run = session.get_one(ReconciliationRun, self._run_id)
            run.phase, run.steps_done, run.steps_total = phase, 0, steps
            _announce(session, run, now=self._clock())

        in_transaction(self._engine, write)
        self._check_time()

    def step(self, work: Callable[[Session], Mapping[str, int]], *, steps: int = 0) -> None:
        """Do a part of the work in one transaction, with what it adds to the figures."""

        def write(session: Session) -> Figures:
            added = work(session)
            run = session.get_one(ReconciliationRun, self._run_id)
            figures = dict(self._figures)
            for name, count in added.items():
                figures[name] = figures.get(name, 0) + count
            run.figures = figures
            run.steps_done += steps
            _announce(session, run, now=self._clock())
            return figures

        self._figures = in_transaction(self._engine, write)
        self._check_time()

    def note(self, figures: Mapping[str, int]) -> None:
        """Set figures that do not add up from steps."""
        kept = {name: value for name, value in self._figures.items() if name not in figures}
        self._figures = kept
        self.step(lambda _session: figures)

    def end(self, *, error: str | None = None) -> Figures:
        """Close the run: done, or failed with what went wrong; it must hold nothing secret."""
        now = self._clock()

        def write(session: Session) -> None:
            run = session.get_one(ReconciliationRun, self._run_id)
            run.status = "done" if error is None else "failed"
            run.error, run.finished_at = error, now
            run.phase = None if error is None else run.phase
            _announce(session, run, now=now)

        in_transaction(self._engine, write)
        return self._figures

    def _check_time(self) -> None:
        if self._clock() > self._until:
            raise PausedError


def _give_up_the_dead(session: Session, run_id: str, *, now: dt.datetime) -> None:
    """Fail runs that nobody makes any more: we have the turn, so no other run is being made."""
    dead = select(ReconciliationRun).where(
        ReconciliationRun.status == "running",
        ReconciliationRun.id != run_id,
        ReconciliationRun.created_at < now - _TAKEN_UP_FOR,
    )
    for run in session.scalars(dead.with_for_update(skip_locked=True)):
        run.status, run.error, run.finished_at = "failed", DIED, now


def _announce(session: Session, run: ReconciliationRun, *, now: dt.datetime) -> None:
    session.flush()
    live_events.announce(
        session, topic=TOPIC, subject_id=run.id, audience=(), data=run_as_event(run), now=now
    )
