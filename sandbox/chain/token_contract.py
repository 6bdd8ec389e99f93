"""The test token: its bytecode as committed, and how to make that anew from its source.

After a change of contracts/test_token.vy: `python -m sandbox.chain.token_contract`.
"""

from pathlib import Path

_FOLDER = Path(__file__).parent / "contracts"
_SOURCE = _FOLDER / "test_token.vy"
_BYTECODE = _FOLDER / "test_token.hex"

ASSET = "USDC"


def bytecode() -> bytes:
    """Return what makes the contract when it is sent to nobody."""
    return bytes.fromhex(_BYTECODE.read_text(encoding="ascii"))


def compiled() -> bytes:
    """Compile the source; the compiler is among the requirements of development only."""
    from vyper import compile_code  # noqa: PLC0415 - see above

    made = compile_code(_SOURCE.read_text(encoding="utf-8"), output_formats=["bytecode"])
    return bytes.fromhex(made["bytecode"].removeprefix("0x"))


if __name__ == "__main__":
    _BYTECODE.write_text(compiled().hex() + "\n", encoding="ascii")
