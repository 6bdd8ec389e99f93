"""`python -m sandbox.shop`: the demo shop in a process of its own."""

import argparse
import os

from sandbox.serving import LoopbackServer, hold_stop_signals, wait_for_stop
from sandbox.shop.app import create_app
from sandbox.shop.settings import read_shop_settings


def main() -> None:
    """Serve until SIGTERM or SIGINT; everything but the port comes from the environment."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.shop", description=__doc__)
    parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8001"))
    port: int = parser.parse_args().port
    hold_stop_signals()
    server = LoopbackServer(create_app(read_shop_settings(os.environ, port=port)), port=port)
    server.start()
    print(f"Shop on {server.url}", flush=True)
    wait_for_stop()
    server.stop()


if __name__ == "__main__":
    main()
