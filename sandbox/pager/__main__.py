"""`python -m sandbox.pager`: the pager in a process of its own."""

import argparse
import os

from sandbox.pager.app import create_app
from sandbox.serving import LoopbackServer, hold_stop_signals, wait_for_stop


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.pager", description=__doc__)
    parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8008"))
    hold_stop_signals()
    server = LoopbackServer(create_app(), port=parser.parse_args().port)
    server.start()
    print(f"Pager on {server.url}", flush=True)
    wait_for_stop()
    server.stop()


if __name__ == "__main__":
    main()
