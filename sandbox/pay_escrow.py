"""Pays what an escrow asks for from the buyer's test wallet: `python -m sandbox.pay_escrow esc_…`.

For whoever tries the API out without a browser; it stands for the wallet in it.
"""

import argparse
import sys
from pathlib import Path

from sandbox.calls import gather
from sandbox.chain.wallet import NodeError
from sandbox.escrow_calls import look_at, pay_in
from sandbox.ports import DEFAULT_PORT
from sandbox.way_in import find_way_in


def main() -> int:
    """Print the hash of the deposit's transaction."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.pay_escrow", description=__doc__)
    parser.add_argument("escrow_id")
    parser.add_argument("--home", type=Path, default=Path(".strongroom"), help="as in `make run`")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="as in `make run`")
    options = parser.parse_args()
    way_in = find_way_in(options.home, port=options.port)
    if way_in is None:
        sys.exit("No sandbox runs here; start one with `make run`.")
    escrow = look_at(way_in, gather(way_in).backend, {"id": options.escrow_id})
    if escrow["deposit"] is None:
        sys.exit(f"Nothing can be paid in: the escrow is {escrow['status']}.")
    try:
        print(pay_in(way_in, escrow))
    except (NodeError, LookupError) as fault:
        sys.exit(f"The wallet cannot pay: {fault}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
