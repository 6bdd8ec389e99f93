"""Imports the modules named on the command line and fails when one of them does anything."""

import gc
import importlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

FORBIDDEN = {
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "subprocess.Popen",
    "os.fork",
    "os.system",
    "os.remove",
    "os.mkdir",
    "os.putenv",
}
ROOT = Path(__file__).parents[2]
PRODUCT_FILES = tuple(f"{ROOT / name}/" for name in ("ledger", "payments", "web", "jobs"))
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)


def main() -> None:
    """Import every module under an audit hook, then look around."""
    current = ""

    def audit(event: str, _arguments: tuple[object, ...]) -> None:
        if event in FORBIDDEN and current and _is_ours():
            sys.exit(f"importing {current} does {event}")

    signals = [signal.getsignal(number) for number in SIGNALS]
    environment = dict(os.environ)  # noqa: TID251 - it compares only
    sys.addaudithook(audit)
    for current in sys.argv[1:]:
        importlib.import_module(current)
    current = ""
    assert threading.active_count() == 1, threading.enumerate()
    assert [signal.getsignal(number) for number in SIGNALS] == signals
    assert dict(os.environ) == environment  # noqa: TID251 - as above
    assert not logging.getLogger().handlers
    assert not _made("sqlalchemy.engine.base", "Engine"), "an engine was made"
    assert not _made("flask.app", "Flask"), "an application was made"
    assert not _made("redis.client", "Redis"), "a Redis client was made"


def _is_ours() -> bool:
    """Tell whether our code asked for it, and not a library that is being imported."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith(PRODUCT_FILES):
            return True
        if frame.f_code.co_name == "<module>" or "importlib" in frame.f_code.co_filename:
            return False
        frame = frame.f_back
    return False


def _made(module: str, name: str) -> list[object]:
    kind = getattr(sys.modules.get(module), name, None)
    return [found for found in gc.get_objects() if kind is not None and type(found) is kind]


if __name__ == "__main__":
    main()
