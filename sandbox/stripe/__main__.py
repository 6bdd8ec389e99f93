"""`python -m sandbox.stripe`: the simulated Stripe in a process of its own."""

import argparse
import os
import time
from collections.abc import Mapping
from pathlib import Path

from sandbox.serving import hold_stop_signals, wait_for_stop
from sandbox.stripe.account import Account
from sandbox.stripe.server import SimulatedStripe


def parse_options(arguments: list[str] | None, environ: Mapping[str, str]) -> argparse.Namespace:
    """Options from the command line; each may come from the environment instead."""
    newest_secret = environ.get("STRIPE_WEBHOOK_SECRETS", "").split(",")[0]
    options = {
        "port": environ.get("PORT"),
        "data": environ.get("STRIPE_DATA"),
        "webhook-url": environ.get("STRIPE_WEBHOOK_URL"),
        "webhook-secret": newest_secret,
        "secret-key": environ.get("STRIPE_SECRET_KEY"),
        "publishable-key": environ.get("STRIPE_PUBLISHABLE_KEY"),
    }
    parser = argparse.ArgumentParser(prog="python -m sandbox.stripe", description=__doc__)
    for name, value in options.items():
        parser.add_argument(f"--{name}", default=value or None, required=not value)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    options = parse_options(arguments, os.environ)
    account = Account(
        secret_key=options.secret_key,
        publishable_key=options.publishable_key,
        webhook_url=options.webhook_url,
        webhook_secret=options.webhook_secret,
        now=time.time,
    )
    hold_stop_signals()
    with SimulatedStripe(account, data=Path(options.data), port=int(options.port)) as stripe:
        print(f"Simulated Stripe on {stripe.url}", flush=True)
        wait_for_stop()


if __name__ == "__main__":
    main()
