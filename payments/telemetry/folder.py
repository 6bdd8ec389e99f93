"""The folder in which the processes of one machine keep what they count, a few files for each.

A process holds a lock on a file of its own as long as it lives, however it ends: process ids are
used again, and in containers many are 1. What a dead one counted is added to one set of files for
all that are gone, for a sum that falls looks to Prometheus like a counter that began anew.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GONE = "gone"
_ALIVE = "alive_"
_BEGINS = "begins_"
_RESERVED = 512 * 1024
_FILES = ("counter", "histogram", "gauge_livesum")
_LOCK_WAIT_S = 3.0
_LOCK_TRY_S = 0.005


class ProcessFiles:
    """The files of this process, named by its role, its number and a random part."""

    def __init__(self, folder: Path, role: str, *, token: str) -> None:
        """Make them.

        Raises:
            OSError: the folder cannot be written, or has no room.
        """
        folder.mkdir(mode=0o770, parents=True, exist_ok=True)
        self.name = f"{role}.{os.getpid()}.{token}"
        begins = folder / f"{_BEGINS}{self.name}"
        self._alive = begins.open("wb")
        fcntl.flock(self._alive, fcntl.LOCK_EX)
        begins.rename(folder / f"{_ALIVE}{self.name}")  # before, it would look like a dead one
        for kind in _FILES:
            # A page that finds no room when it is first written to would kill the process.
            with (folder / f"{kind}_{self.name}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, _RESERVED)

    def close(self) -> None:
        """Count as dead from now on."""
        self._alive.close()


def live_roles(folder: Path) -> dict[str, int]:
    """Return how many processes live, by role."""
    counts: dict[str, int] = {}
    for path in folder.glob(f"{_ALIVE}*"):
        if _is_alive(path):
            role = path.name.removeprefix(_ALIVE).partition(".")[0]
            counts[role] = counts.get(role, 0) + 1
    return counts


@contextlib.contextmanager
def settled(folder: Path) -> Iterator[None]:
    """Add up what the dead counted, then keep all files as they are until the block ends.

    Raises:
        TimeoutError: another process is at it for too long.
    """
    with (folder / "settling").open("ab") as lock:
        _take(lock.fileno())
        for path in folder.glob(f"{_ALIVE}*"):
            if not _is_alive(path):
                _add_to_gone(folder, path.name.removeprefix(_ALIVE))
                path.unlink(missing_ok=True)
        yield


def _take(file: int) -> None:
    give_up_at = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise TimeoutError("somebody else reads the metrics for too long") from None
            time.sleep(_LOCK_TRY_S)
        else:
            return


def _is_alive(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _add_to_gone(folder: Path, name: str) -> None:
    """Move what a dead process counted to the files of all that are gone.

    Were this one to die between the two last steps, that much would be counted twice.
    """
    from prometheus_client import mmap_dict  # noqa: PLC0415 - of no use to most processes

    library: Any = mmap_dict  # it has no types

    for kind in _FILES:
        dead = folder / f"{kind}_{name}.db"
        if not dead.exists() or kind.startswith("gauge"):
            dead.unlink(missing_ok=True)
            continue
        sums: dict[str, float] = {}
        for path in (folder / f"{kind}_{GONE}.db", dead):
            if path.exists():
                for key, value, *_ in library.MmapedDict.read_all_values_from_file(str(path)):
                    sums[key] = sums.get(key, 0) + value
        new = folder / f"{kind}_{GONE}.new"
        new.unlink(missing_ok=True)
        written = library.MmapedDict(str(new))
        for key, value in sums.items():
            written.write_value(key, value, 0.0)
        written.close()
        new.replace(folder / f"{kind}_{GONE}.db")
        dead.unlink()
