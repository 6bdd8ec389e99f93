"""A process that encrypts everything anew in small steps, to be killed: `-m … DATABASE_URL`.

The operator's keyset comes by standard input.
"""

import datetime as dt
import sys

from payments.at_rest.encrypt_anew import encrypt_anew
from payments.database import connect_engine
from payments.privacy.data_keys import connect_cipher


def main() -> None:
    """Walk until it is done."""
    engine = connect_engine(sys.argv[1], pool_size=2)
    cipher = connect_cipher(engine, sys.stdin.read())
    clock = lambda: dt.datetime.now(dt.UTC)  # noqa: E731, TID251 - a process of its own
    while encrypt_anew(engine, cipher=cipher, clock=clock, batch_size=10) is False:
        pass
    engine.dispose()


if __name__ == "__main__":
    main()
