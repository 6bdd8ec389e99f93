"""The relay: moves work from PostgreSQL to where it is done. Run as `python -m jobs.relay`.

It keeps no state of its own: any number of relays may run, and none loses anything by dying.
"""

import signal
import threading
import time
from collections.abc import Callable

import redis
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from jobs.clock import clock
from jobs.dispatch import dispatch
from jobs.doorbell_listener import DoorbellListener
from jobs.publishing import BATCH, number_and_publish
from jobs.redis_clients import connect_for_commands
from jobs.schedule import stage_periodic
from payments import crash_points
from payments.database import RELAY_ROLE, connect_engine, in_transaction
from payments.log_lines import configure_log_lines, get_logger
from payments.settings import read_settings
from payments.telemetry.measuring import begin_measuring, count
from payments.telemetry.meters import RELAY_FAILURES
from payments.telemetry.tracing import begin_tracing
from payments.webhooks.wake_up import wake_up_for_leftovers

POLL_S = 0.5
SWEEP_S = 0.5

_log = get_logger(__name__)


class Relay:
    """Does everything that is due, waits for the doorbell or half a second, and starts over."""

    def __init__(self, engine: Engine, client: redis.Redis, *, stopping: threading.Event) -> None:
        self._engine = engine
        self._client = client
        self._stopping = stopping
        self._bell = DoorbellListener(client, stopping=stopping)
        self._next_sweep = 0.0

    def run(self) -> None:
        """Work until told to stop."""
        while not self._stopping.is_set():
            more = self.turn()
            if not more:
                self._bell.wait(POLL_S)
        self._bell.close()

    def turn(self) -> bool:
        """Do what is due now; True when there is more to do at once."""
        self._survive(self._sweep)
        more = self._survive(self._publish)
        self._survive(self._dispatch)
        return more

    def _sweep(self) -> bool:
        """Stage what time alone brings; looked for twice a second, however often it rings."""
        if time.monotonic() >= self._next_sweep:
            in_transaction(self._engine, _stage_what_time_brings)
            self._next_sweep = time.monotonic() + SWEEP_S
        return False

    def _dispatch(self) -> bool:
        dispatch(self._engine, self._client, now=clock())
        return False

    def _publish(self) -> bool:
        return number_and_publish(self._engine, self._client) == BATCH

    def _survive(self, step: Callable[[], bool]) -> bool:
        """Run a step; whatever is away comes back, and the next turn tries again."""
        try:
            return step()
        except (redis.RedisError, SQLAlchemyError, OSError) as error:
            count(RELAY_FAILURES, step.__name__.strip("_"))
            _log.warning("relay_step_failed", step=step.__name__, error=str(error))
            return False


def _stage_what_time_brings(session: Session) -> None:
    now = clock()
    stage_periodic(session, now=now)
    wake_up_for_leftovers(session, now=now)


def main() -> None:
    """Run a relay until SIGTERM or Ctrl-C."""
    settings = read_settings()
    configure_log_lines(settings.log_level)
    crash_points.arm(settings.crash_at)
    begin_measuring(settings.telemetry.metrics_folder, role="relay")
    begin_tracing(settings.telemetry.traces_url, role="relay")
    stopping = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stopping.set())
    engine = connect_engine(settings.database_url, pool_size=1, role=RELAY_ROLE)
    client = connect_for_commands(settings.redis_url)
    _log.info("relay_started")
    Relay(engine, client, stopping=stopping).run()
    client.close()
    engine.dispose()
    _log.info("relay_stopped")


if __name__ == "__main__":
    main()
