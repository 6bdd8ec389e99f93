"""A process that sends, again and again by a child of its own, any of which may be killed.

Run as a module. Each line of standard input is a JSON object: `database_url`, `chains` (as in
CHAINS), `chain`, `crash_at` and `ahead_s`; the answer is a line with the child's exit status:
-9 when it died by SIGKILL. Children are forked, since web3 takes a second to load.
"""

import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import Any

from payments import crash_points
from payments.chain.guarded_signer import GuardedSigner
from payments.chain.send import send
from payments.chain.sending import Sending
from payments.chain_settings import read_chains
from payments.database import connect_engine
from payments.log_lines import configure_log_lines
from payments.privacy.encryption import FieldCipher
from payments.providers.evm.adapter import EvmChain
from payments.variables import Variables
from tests.chain import WALLETS
from tests.payments.chain.world import WalletKey


def _send(asked: dict[str, Any]) -> None:
    crash_points.arm(Path(asked["crash_at"]))
    ahead = dt.timedelta(seconds=asked["ahead_s"])

    def clock() -> dt.datetime:
        return dt.datetime.now(dt.UTC) + ahead  # noqa: TID251 - as a worker's

    settings = read_chains(Variables({"CHAINS": asked["chains"]}), "CHAINS")[asked["chain"]]
    port = EvmChain(settings)
    engine = connect_engine(asked["database_url"], pool_size=2)
    signer = GuardedSigner(
        engine,
        WalletKey(WALLETS["operator"]),
        chains={settings.name: settings},
        ports={settings.name: port},
        clock=clock,
    )
    sending = Sending(
        engine=engine,
        chain=settings,
        port=port,
        signer=signer,
        cipher=FieldCipher(asked["keyset"]),
        clock=clock,
    )
    send(sending, until=clock() + dt.timedelta(minutes=1))


def main() -> None:
    """Send for every line, until there are no more."""
    configure_log_lines("INFO", stream=sys.stderr)  # standard output is for the answers
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                _send(json.loads(line))
                status = 0
            finally:
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(ended)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
