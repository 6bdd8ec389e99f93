"""`python -m sandbox`: what `make run` starts, and commands on the system it runs."""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from sandbox.environment import EnvironmentFaultError, given_settings
from sandbox.guide import Screen
from sandbox.home import DEFAULT_HOME, ROOT, Home, HomeError, take_home
from sandbox.ports import DEFAULT_PORT, Ports, PortTakenError
from sandbox.postgres import PostgresError
from sandbox.processes import ProcessDiedError, StopRequestedError
from sandbox.run import Sandbox, StopFailedError
from sandbox.valkey import ValkeyError

_FAULTS = (
    EnvironmentFaultError,
    HomeError,
    PortTakenError,
    PostgresError,
    ProcessDiedError,
    StopFailedError,
    ValkeyError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox, or a command in its environment; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="the first of nine ports")
    parser.add_argument("--home", type=Path, default=DEFAULT_HOME, help="where its data is kept")
    parser.add_argument("command", nargs="*", help="run this in the running system's environment")
    parser.add_argument("--reset", action="store_true", help="throw all its data away")
    options = parser.parse_args(arguments)
    if options.reset:
        return _reset(options.home)
    if options.command:
        return _run_command(options.home, options.port, options.command)
    return _run_sandbox(options.home, options.port)


def _reset(path: Path) -> int:
    screen = Screen()
    for folder in (*path.glob("port-*"), path):
        home = Home(folder)
        if not home.take(port=DEFAULT_PORT):
            screen.fail(f"A sandbox is running (process {home.holder()[0]}); stop it first.")
            return 1
        sandbox = _sandbox(home, DEFAULT_PORT, screen, threading.Event())
        sandbox.stop()
        sandbox.remove_data()
    screen.say(f"{path} is removed.")
    return 0


def _sandbox(home: Home, port: int, screen: Screen, stop: threading.Event) -> Sandbox:
    return Sandbox(
        home=home,
        ports=Ports.counted_from(port),
        given=given_settings(os.environ),
        screen=screen,
        should_stop=stop.wait,
    )


def _run_sandbox(path: Path, port: int) -> int:
    screen = Screen()
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: object) -> None:
        # Once is enough, and again does no harm: whatever is going on ends in order.
        if not stop.is_set():
            stop.set()
            screen.say("Stopping …")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask_to_stop)
    try:
        home = take_home(path, port=port)
        if home.path != path:
            place = os.path.relpath(home.path)
            screen.say(f"Another sandbox is running; this one keeps its data in {place}.")
        return _run_to_the_end(_sandbox(home, port, screen, stop), screen, stop)
    except _FAULTS as fault:
        screen.fail(str(fault))
        return 1


def _run_to_the_end(sandbox: Sandbox, screen: Screen, stop: threading.Event) -> int:
    try:
        sandbox.start()
        screen.guide(sandbox.plan)
        sandbox.watch()
    except StopRequestedError:
        pass
    except Exception:
        if not stop.is_set():
            raise
        # Ctrl-C reaches everything in the terminal: what broke after it broke because of it.
    finally:
        stop.set()
        sandbox.stop()
    return 0


def _run_command(path: Path, port: int, command: Sequence[str]) -> int:
    """Become `command`, told of the running system as its own processes are."""
    for home in (Home(path / f"port-{port}"), Home(path)):
        if home.environment_file.exists():
            settings = json.loads(home.environment_file.read_text(encoding="utf-8"))
            os.chdir(ROOT)
            os.execvpe(command[0], list(command), {**os.environ, **settings})  # noqa: S606 - the person's own command
    Screen().fail("No sandbox is running here.\nStart one first: make run")
    return 1


if __name__ == "__main__":
    sys.exit(main())
