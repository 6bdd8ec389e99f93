"""Asks every provider what happened after the moment of a restore, and has the books know it.

It only reads at providers, changes the books by the doors that events and answers go through, and
may be run as often as one likes. How far it is stands with the restore.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.chain_settings import ChainSettings
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import ConflictError, StrongroomError
from payments.log_lines import get_logger
from payments.privacy.encryption import FieldCipher
from payments.privacy.redaction import redact
from payments.providers.connect import Providers
from payments.restores.adopt_banks import adopt_banks
from payments.restores.adopt_cards import adopt_cards
from payments.restores.adopt_chains import adopt_chains
from payments.restores.adopt_events import adopt_events
from payments.restores.look import MARGIN, Look
from payments.restores.read_restores import read_history, read_restore
from payments.restores.tables import Restore
from payments.restores.turn import taking_turn

ERROR_LENGTH = 500

_log = get_logger(__name__)


def steps_of(look: Look, chains: Mapping[str, ChainSettings]) -> dict[str, Callable[[], None]]:
    """Return what a look consists of, by name, in its order: money in comes before money out."""
    return {
        "Stripe's events": lambda: adopt_events(look),
        "Stripe": lambda: adopt_cards(look),
        "banks": lambda: adopt_banks(look),
        "chains": lambda: adopt_chains(look, chains),
    }


def reconcile_restore(
    engine: Engine,
    *,
    restore_id: str | None,
    providers: Providers,
    cipher: FieldCipher,
    chains: Mapping[str, ChainSettings],
    clock: Callable[[], dt.datetime],
    tell: Callable[[str], None] = lambda _: None,
) -> Restore:
    """Look at all providers; `tell` is told of each step before it is made.

    Raises:
        NotFoundError: there is no such restore.
        ConflictError: it is finished, or somebody looks already (`conflict`).
        UnavailableError: a provider did not answer; what was found before is kept, and the look
            counts when it has come to its end.
    """
    restore = in_transaction(engine, lambda session: read_restore(session, restore_id))
    if restore.status == "finished":
        raise ConflictError("It is finished.", code="conflict")
    history = in_transaction(engine, read_history)
    look = Look(
        engine=engine,
        providers=providers,
        cipher=cipher,
        restore_id=restore.id,
        since=restore.restored_to - MARGIN,
        clock=clock,
    )
    with taking_turn(engine), _noting_failure(look):
        for name, step in steps_of(look, chains).items():
            _note(look, "running", step=name)
            tell(name)
            step()
            reach(f"restore.looked.{name}")
        figures = {**dict(sorted(look.figures.items())), "history": list(history)}
        _log.warning("restore_reconciled", restore_id=restore.id, **look.figures)
        return _note(look, "done", figures=figures)


@contextmanager
def _noting_failure(look: Look) -> Iterator[None]:
    """Write down why a look did not come to its end, whatever ended it."""
    try:
        yield
    except BaseException as error:
        why = f"It broke off: {type(error).__name__}."
        if isinstance(error, StrongroomError):
            why = str(redact(error.detail))
        _note(look, "failed", error=why[:ERROR_LENGTH])
        raise


def _note(
    look: Look,
    status: str,
    *,
    step: str | None = None,
    error: str | None = None,
    figures: Mapping[str, Any] | None = None,
) -> Restore:
    """Write down how far the look is; of one that failed the step stays as it was."""

    def note(session: Session) -> Restore:
        row = read_restore(session, look.restore_id, lock=True)
        row.look_status, row.look_error, row.look_at = status, error, look.clock()
        if status != "failed":
            row.look_step = step
        if figures is not None:
            row.reconciled_at, row.figures = look.clock(), dict(figures)
        return row

    return in_transaction(look.engine, note)
