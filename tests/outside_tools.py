"""Gets the programs of others that check what we export: `hledger`, without root.

`bean-check` comes with a Python package. hledger is taken from the PATH, or unpacked from Debian's
package into the virtual environment; where neither is possible, its tests are skipped and say so.
`python -m tests.outside_tools` is run by `make tests`.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(sys.prefix) / "hledger"
BEAN_CHECK = Path(sys.prefix) / "bin" / "bean-check"
_TIMEOUT_S = 60


def find_hledger() -> Path | None:
    """Return the program, if it is here and runs."""
    for candidate in (shutil.which("hledger"), FOLDER / "usr" / "bin" / "hledger"):
        if candidate is not None and _runs(Path(candidate)):
            return Path(candidate)
    return None


def main() -> None:
    """Get hledger where it lacks; that it cannot be had is no failure."""
    if find_hledger() is not None:
        return
    print("Getting hledger, which checks the exports", flush=True)  # noqa: T201 - for who runs it
    is_debian = shutil.which("apt-get") and shutil.which("dpkg-deb")
    reason = _unpack() if is_debian else "no Debian here"
    if find_hledger() is None:
        print(f"No hledger ({reason or 'it does not run'}): its tests are skipped.")  # noqa: T201 - likewise


def _unpack() -> str | None:
    """Unpack Debian's package; return what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        problem = _run("apt-get", "download", "hledger", folder=folder)
        if problem:  # perhaps nobody has fetched the list of packages yet; only root may
            _run("apt-get", "update", "-qq", folder=folder)
            problem = _run("apt-get", "download", "hledger", folder=folder)
        packages = list(Path(folder).glob("hledger_*.deb"))
        if problem or not packages:
            return problem or "apt-get gave no package"
        return _run("dpkg-deb", "-x", str(packages[0]), str(FOLDER), folder=folder)


def _run(*command: str, folder: str) -> str | None:
    try:
        subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True, timeout=_TIMEOUT_S
        )
    except subprocess.CalledProcessError as error:
        return str(error.stderr).strip().partition("\n")[0]
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None


def _runs(program: Path) -> bool:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


if __name__ == "__main__":
    main()
