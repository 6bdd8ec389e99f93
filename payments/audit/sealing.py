"""Seals the audit log into a hash chain, after the fact, so that no writer waits for another."""

from sqlalchemy import Engine, text

BLOCK_ENTRIES = 1000


def seal_audit(engine: Engine, *, block_entries: int = BLOCK_ENTRIES) -> int:
    """Seal all settled entries in blocks; return how many were sealed.

    Entries being written at this moment are left for a later call.
    """
    for _ in range(2):
        with engine.begin() as connection:
            connection.execute(text("SELECT strongroom.audit_advance()"))
    sealed = 0
    while True:
        with engine.begin() as connection:
            query = text("SELECT strongroom.audit_seal_next(:most)")
            count = int(connection.execute(query, {"most": block_entries}).scalar_one())
        if count == 0:
            return sealed
        sealed += count
