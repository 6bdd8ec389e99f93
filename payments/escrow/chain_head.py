"""How far a chain was read: requests ask the database, never a node."""

from sqlalchemy import column, select, table
from sqlalchemy.orm import Session

# The watcher's table: it stands on escrows, so its module is not there to be imported here.
_cursors = table("chain_cursors", column("chain"), column("scanned_to"), schema="strongroom")


def read_head(session: Session, chain: str) -> int | None:
    """Return the number of the newest block that was read; None before the first."""
    head = session.scalar(select(_cursors.c.scanned_to).where(_cursors.c.chain == chain))
    return None if head is None else int(head)
