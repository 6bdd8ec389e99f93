"""Writes a party and the deed about it, and is killed where it is told: DATABASE_URL MOMENT."""

import datetime as dt
import os
import signal
import sys

from sqlalchemy import event
from sqlalchemy.orm import Session

from payments.audit.deed import Deed, bind_deed
from payments.audit.write_deeds import listen
from payments.database import connect_engine, transaction
from payments.parties.tables import Party
from payments.privacy.encryption import FieldCipher
from tests.payments.shop import KEYSET

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def main() -> None:
    """Die between the deed and its commit, or right after."""
    engine = connect_engine(sys.argv[1])
    listen()
    event.listen(Session, sys.argv[2], lambda _session: os.kill(os.getpid(), signal.SIGKILL))
    cipher = FieldCipher(KEYSET)
    name = cipher.encrypt("Ana", table="parties", column="name_encrypted", row_id="pty_killed")
    deed = Deed("key:key_1", "command:ana", "admin", "parties.create", NOW, cipher)
    with bind_deed(deed), transaction(engine) as session:
        session.add(
            Party(
                id="pty_killed",
                name_encrypted=name,
                kyc_level="none",
                created_at=NOW,
                updated_at=NOW,
            )
        )


if __name__ == "__main__":
    main()
