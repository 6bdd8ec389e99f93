"""Whether this database stands still, and the gate before whatever is sent to a provider.

A restored database has forgotten what it sent. The same call again may be a second payment, so
whatever changes something at a provider passes the gate, over every way that leads there.
"""

from collections.abc import Callable

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from payments.database import in_transaction
from payments.log_lines import get_logger
from payments.providers.outcome import OutcomeUnknownError

_WHY = text("SELECT strongroom.standing_still()")
_log = get_logger(__name__)

Gate = Callable[[], None]


class StandingStillError(OutcomeUnknownError):
    """Nothing is sent now. Whether it was before is not known, so what came of it stays open."""


def standing_still(session: Session) -> str | None:
    """Return why nothing may be sent: a restore's id, or a history that nobody accepted.

    None: nothing speaks against it. PostgreSQL tells by its timeline, so that a database which was
    restored stands still even if nobody has said so.
    """
    told: str | None = session.execute(_WHY).scalar_one()
    return told


def refuse_standing_still(session: Session) -> None:
    """Refuse while this database stands still.

    Raises:
        StandingStillError: it does.
    """
    why = standing_still(session)
    if why is not None:
        _log.warning("standing_still", why=why)
        raise StandingStillError(
            f"This database was restored ({why}): nothing is sent until that is finished."
        )


def gate(engine: Engine) -> Gate:
    """Return what asks, just before something is sent, whether it may be."""
    return lambda: in_transaction(engine, refuse_standing_still)
