"""The committed artifacts are what the sources compile to, and are recognised on a chain."""

import subprocess
import sys
from pathlib import Path

import pytest

from payments.providers.evm import artifacts, compile_contracts
from tests.payments.providers.evm.contracts.machine import Machine
from tests.payments.providers.evm.contracts.world import World


@pytest.mark.parametrize("name", compile_contracts.SOURCES)
def test_compiling_again_gives_what_is_committed(name: str) -> None:
    committed = (compile_contracts.ARTIFACTS / f"{name}.json").read_text()
    again = compile_contracts.as_text(compile_contracts.compiled(name))
    assert again == committed, "run `make contracts` and commit what it writes"


def test_every_contract_has_its_artifact_and_nothing_else_lies_there() -> None:
    def stems(folder: Path, suffix: str) -> set[str]:
        return {file.stem for file in folder.glob(f"*{suffix}")}

    assert stems(compile_contracts.CONTRACTS, ".vy") == set(compile_contracts.SOURCES)
    assert stems(compile_contracts.ARTIFACTS, ".json") == set(compile_contracts.SOURCES)


def test_what_is_deployed_is_recognised() -> None:
    world = World()
    factory, escrow = artifacts.escrow_factory(), artifacts.escrow()
    code_of_factory = world.machine.state.get_code(world.factory.address)
    code_of_escrow = world.machine.state.get_code(world.implementation)
    assert factory.is_code_of(code_of_factory)
    assert escrow.is_code_of(code_of_escrow)
    assert not factory.is_code_of(code_of_escrow)
    assert not escrow.is_code_of(code_of_escrow[:-1] + b"\x00")
    assert not escrow.is_code_of(b"")


def test_the_code_fits_the_limits_of_a_contract() -> None:
    machine = Machine()
    for name in compile_contracts.SOURCES:
        assert len(artifacts.load(name).bytecode) < 24_576
    assert len(machine.state.get_code(machine.create(artifacts.escrow().bytecode))) < 24_576


def test_using_the_artifacts_needs_no_compiler() -> None:
    program = (
        "import sys; from payments.providers.evm import artifacts, compile_contracts;"
        "artifacts.escrow(); artifacts.escrow_factory();"
        "sys.exit('vyper' in sys.modules)"
    )
    root = compile_contracts.HERE.parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, check=False)
    assert done.returncode == 0
