"""Chains of the Ethereum kind, through web3: the only package that knows it.

A part of web3 lets this process recurse 100,000 deep. Then deeply nested JSON, as anybody may send
it, would not be refused but overflow the stack and end the process. So the limit is put back.
"""

import contextlib
import importlib
import sys

_limit = sys.getrecursionlimit()
with contextlib.suppress(ModuleNotFoundError):
    importlib.import_module("py_ecc")
sys.setrecursionlimit(_limit)
