"""One look at the providers at a time, whoever makes it: a command, or a job of a worker."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from payments.database import connect_aside
from payments.errors import ConflictError

_KEY = "hashtextextended('strongroom.restores.look', 0)"
_TAKE = text(f"SELECT pg_try_advisory_lock({_KEY})")
_IS_FREE = text(f"SELECT pg_try_advisory_xact_lock({_KEY})")
# PostgreSQL finds out within half a minute that whoever looked is gone with their machine.
_GONE_SOON = text(
    "SELECT set_config('tcp_keepalives_idle', '15', false),"
    " set_config('tcp_keepalives_interval', '5', false),"
    " set_config('tcp_keepalives_count', '3', false)"
)


class LookUnderWayError(ConflictError):
    """Somebody looks at the providers already; what they find is what this look would."""


@contextmanager
def taking_turn(engine: Engine) -> Iterator[None]:
    """Look alone while the block runs; whoever dies in it gives the turn back.

    Raises:
        LookUnderWayError: somebody else has it.
    """
    with connect_aside(engine).connect() as connection:
        connection.execute(_GONE_SOON)
        is_ours = connection.execute(_TAKE).scalar_one()
        connection.commit()
        if not is_ours:
            raise LookUnderWayError("The providers are being asked already.", code="conflict")
        yield  # the connection closes with the block, and the lock goes with it


def is_look_under_way(session: Session) -> bool:
    """Whether somebody looks now: not whether somebody began to, and died."""
    return not session.execute(_IS_FREE).scalar_one()
