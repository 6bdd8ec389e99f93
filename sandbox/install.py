"""Installs pinned requirements and the project itself, showing how far it is; stdlib only.

The Makefile runs it with a virtual environment that holds nothing but pip.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
_LOOKED_AT = re.compile(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)")


def main() -> None:
    """Install the requirements file named on the command line."""
    requirements = Path(sys.argv[1])
    total = len(re.findall(r"^[a-z].*==", requirements.read_text(encoding="utf-8"), re.MULTILINE))
    print(f"Installing {total} pinned packages, once (half a minute or so)", flush=True)
    _install(["--require-hashes", "-r", str(requirements)], total=total)
    _install(["--no-deps", "--no-build-isolation", "-e", "."], total=0)


def _install(arguments: Sequence[str], *, total: int) -> None:
    """Run pip, counting the packages it looks at.

    Raises:
        SystemExit: with pip's own words, when it fails.
    """
    lines: list[str] = []
    seen = 0
    with subprocess.Popen(
        [*_PIP, "install", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as pip:
        for line in pip.stdout or ():
            lines.append(line)
            if total and (found := _LOOKED_AT.match(line)):
                seen += 1
                _show(f"  {min(seen, total)}/{total} {found[1]}")
            elif total and line.startswith("Installing collected"):
                _show("  unpacking")
    _show("")
    if pip.returncode != 0:
        sys.exit("".join(lines[-20:]) + "The installation failed; pip's last words are above.")


def _show(text: str) -> None:
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="", flush=True)


if __name__ == "__main__":
    main()
