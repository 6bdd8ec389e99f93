"""Command: compile the contracts and write what comes of it to `artifacts/`, to be committed.

Needs the compiler, which is among the requirements of development only.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

HERE = Path(__file__).parent
CONTRACTS = HERE / "contracts"
ARTIFACTS = HERE / "artifacts"
SOURCES = {
    "escrow": ("escrow.vy",),
    "escrow_factory": ("escrow_factory.vy", "escrow.vy"),
}
"""The contracts, each with the files it is made from."""


def main() -> None:
    """Write every artifact."""
    ARTIFACTS.mkdir(exist_ok=True)
    for name in SOURCES:
        path = ARTIFACTS / f"{name}.json"
        path.write_text(as_text(compiled(name)), encoding="utf-8")
        print(f"{path.name}: {path.stat().st_size} bytes")  # noqa: T201 - it is a command


def compiled(name: str) -> Mapping[str, Any]:
    """Compile a contract, and return what its artifact says."""
    # The compiler is not there where the product runs, and this module is.
    import vyper  # noqa: PLC0415 - see above
    from vyper.compiler import compile_from_file_input  # noqa: PLC0415 - see above
    from vyper.compiler.input_bundle import FilesystemInputBundle  # noqa: PLC0415 - see above
    from vyper.compiler.settings import Settings  # noqa: PLC0415 - see above

    bundle = FilesystemInputBundle([CONTRACTS])
    made = compile_from_file_input(
        bundle.load_file(SOURCES[name][0]),
        input_bundle=bundle,
        settings=Settings(),
        output_formats=["abi", "bytecode", "bytecode_runtime", "layout", "settings_dict"],
    )
    return {
        "name": name,
        "compiler": f"vyper {vyper.__version__}",
        "evm_version": made["settings_dict"]["evm_version"],
        "sources": {file: _sha256(CONTRACTS / file) for file in SOURCES[name]},
        "abi": made["abi"],
        "bytecode": made["bytecode"],
        "runtime_hash": f"0x{keccak(hexstr=made['bytecode_runtime']).hex()}",
        "immutable_bytes": sum(
            part["length"] for part in made["layout"].get("code_layout", {}).values()
        ),
    }


def as_text(artifact: Mapping[str, Any]) -> str:
    """Return an artifact as the text of its file."""
    return json.dumps(artifact, indent=1) + "\n"


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
