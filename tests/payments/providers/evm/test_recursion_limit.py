"""Whoever uses a chain must still survive deeply nested JSON, which anybody may send."""

import subprocess
import sys

from tests.architecture.sources import ROOT

LOADED = """
import json, sys
before = sys.getrecursionlimit()
from payments.providers.evm import adapter, keystore, remote_signer
assert "web3" in sys.modules and "eth_account" in sys.modules
assert sys.getrecursionlimit() == before, sys.getrecursionlimit()
try:
    json.loads("[" * 1_000_000)
except RecursionError:
    print("refused")
"""


def test_web3_does_not_let_deep_json_end_the_process() -> None:
    told = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.stdout == "refused\n", (told.returncode, told.stderr)
