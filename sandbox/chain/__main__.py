"""`python -m sandbox.chain`: the local chain in a process of its own."""

import argparse
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from sandbox.chain.contracts_at_start import Gift
from sandbox.chain.local_chain import LocalChain
from sandbox.chain.places import BALANCES
from sandbox.chain.server import ChainServer
from sandbox.serving import hold_stop_signals, wait_for_stop

_EVERY_S = 1.0


def parse_options(arguments: list[str] | None, environ: Mapping[str, str]) -> argparse.Namespace:
    """Options from the command line; each may come from the environment instead."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.chain", description=__doc__)
    parser.add_argument("--port", type=int, default=environ.get("PORT", "8006"))
    data = environ.get("CHAIN_DATA")
    parser.add_argument("--data", type=Path, default=data, required=data is None)
    parser.add_argument(
        "--gifts",
        type=json.loads,
        default=environ.get("CHAIN_GIFTS", "{}"),
        help='{"0x…": {"wei": "…", "tokens": "…"}}: what accounts get when the chain is new',
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    options = parse_options(arguments, os.environ)
    gifts = [
        Gift(address, int(told.get("wei", 0)), int(told.get("tokens", 0)))
        for address, told in options.gifts.items()
    ]
    hold_stop_signals()
    chain = LocalChain(options.data, now=time.time, balances=BALANCES)
    with ChainServer(chain, port=options.port, every_s=_EVERY_S, gifts=gifts) as server:
        print(f"Local chain on {server.url}", flush=True)
        wait_for_stop()
    chain.close()


if __name__ == "__main__":
    main()
