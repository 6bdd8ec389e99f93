"""`python -m sandbox.bank`: the simulated bank in a process of its own."""

import argparse
import os
import time
from collections.abc import Mapping
from pathlib import Path

from sandbox.bank.account import Account
from sandbox.bank.server import SimulatedBank
from sandbox.serving import hold_stop_signals, wait_for_stop


def parse_options(arguments: list[str] | None, environ: Mapping[str, str]) -> argparse.Namespace:
    """Options from the command line; each may come from the environment instead."""
    options = {
        "port": environ.get("PORT"),
        "data": environ.get("BANK_DATA"),
        "webhook-url": environ.get("BANK_WEBHOOK_URL"),
        "webhook-key": environ.get("BANK_WEBHOOK_KEY"),
        "client-id": environ.get("TRUELAYER_CLIENT_ID"),
        "client-secret": environ.get("TRUELAYER_CLIENT_SECRET"),
        "signing-key-id": environ.get("TRUELAYER_SIGNING_KEY_ID"),
        "signing-public-key": environ.get("TRUELAYER_SIGNING_PUBLIC_KEY"),
    }
    parser = argparse.ArgumentParser(prog="python -m sandbox.bank", description=__doc__)
    for name, value in options.items():
        parser.add_argument(f"--{name}", default=value or None, required=not value)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    options = parse_options(arguments, os.environ)
    account = Account(
        client_id=options.client_id,
        client_secret=options.client_secret,
        signing_key_id=options.signing_key_id,
        signing_public_key=options.signing_public_key,
        webhook_url=options.webhook_url,
        webhook_key=options.webhook_key,
        now=time.time,
    )
    hold_stop_signals()
    with SimulatedBank(account, data=Path(options.data), port=int(options.port)) as bank:
        print(f"Simulated bank on {bank.url}", flush=True)
        wait_for_stop()


if __name__ == "__main__":
    main()
