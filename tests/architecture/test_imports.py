"""Who may import whom, and that importing does nothing else."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import PRODUCT, ROOT, modules

IMPORT_EVERYTHING = Path(__file__).with_name("import_everything.py")


def test_the_import_contracts_of_setup_cfg_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--config", "setup.cfg"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_a_module_has_no_effects() -> None:
    names = [module.name for module in modules(*PRODUCT) if module.name != "wsgi"]
    done = subprocess.run(
        [sys.executable, str(IMPORT_EVERYTHING), *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == ""
