"""Gets wkhtmltopdf and fonts from Debian's packages where it may; stdlib only, and never an error.

Run by make, once after the Python packages. Where it may not, WeasyPrint renders the documents.
"""

import ctypes.util
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from typing import NamedTuple

_DOWNLOAD_S = 120
_UNPACK_S = 300  # dpkg must not be stopped half-way: this is for one that hangs
_LOOK_S = 30
_OPTIONS = (
    *("-y", "-q", "--no-install-recommends"),
    *("-o", "DPkg::Lock::Timeout=20", "-o", "Acquire::Retries=1"),
    *("-o", "Acquire::http::Timeout=15", "-o", "Acquire::https::Timeout=15"),
)
_UNATTENDED = ("env", "DEBIAN_FRONTEND=noninteractive")


class Part(NamedTuple):
    """A Debian package, and how to see that what it is for is here already."""

    package: str
    is_here: Callable[[], bool]


def main() -> None:
    """Install what lacks and say so, or say why not and what to do."""
    lacking = [part for part in PARTS if not part.is_here()]
    if not lacking:
        return
    names = " ".join(part.package for part in lacking)
    rights = _way_to_root()
    if shutil.which("apt-get") is None or rights is None:
        print(f"For better PDFs install, if you can (Debian's names): {names}")
        return
    print(f"Installing {names} to render PDFs, once (apt-get)", flush=True)
    for part in lacking:
        if not _install(part, rights):
            print(f"  {part.package} could not be installed; going on without it", flush=True)
    if not _has("wkhtmltopdf"):
        print("  wkhtmltopdf is not there: WeasyPrint renders the PDFs", flush=True)


def _install(part: Part, rights: Sequence[str]) -> bool:
    """Download, with a second try after fetching the lists, and unpack; both have a time limit."""
    apt = [*rights, *_UNATTENDED, "apt-get", *_OPTIONS]
    download = [*apt, "install", "--download-only", part.package]
    is_fetched = _run(download, _DOWNLOAD_S) or (
        _run([*apt, "update"], _DOWNLOAD_S) and _run(download, _DOWNLOAD_S)
    )
    return is_fetched and _run([*apt, "install", "--no-download", part.package], _UNPACK_S)


def _way_to_root() -> tuple[str, ...] | None:
    """Return what to put before a command to run it as root; None: nobody lets us."""
    if os.geteuid() == 0:
        return ()
    return ("sudo", "-n") if _has("sudo") and _run(["sudo", "-n", "true"], _LOOK_S) else None


def _run(command: Sequence[str], limit_s: int) -> bool:
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=limit_s
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


def _has(program: str) -> bool:
    return shutil.which(program) is not None


def _prints(pattern: str) -> bool:
    program = shutil.which("fc-list")
    if program is None:
        return False
    try:
        asked = subprocess.run(
            [program, f":{pattern}:scalable=true", "family"],
            capture_output=True,
            check=False,
            timeout=_LOOK_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(asked.stdout.strip())


PARTS = (
    Part("wkhtmltopdf", lambda: _has("wkhtmltopdf")),
    Part("libpangoft2-1.0-0", lambda: ctypes.util.find_library("pangoft2-1.0") is not None),
    Part("fontconfig", lambda: _has("fc-list")),
    Part("fonts-dejavu-core", lambda: _prints("lang=he")),
    Part("fonts-wqy-zenhei", lambda: _prints("lang=ko")),  # Chinese, Japanese, Korean in 7 MB
    Part("fonts-freefont-ttf", lambda: _prints("lang=th")),  # Thai, Devanagari, Bengali …
    Part("fonts-symbola", lambda: _prints("charset=1f381")),  # emoji, in black
)


if __name__ == "__main__":
    main()
