"""What a program may do that reads a stranger's document: compute, a little, and nothing else."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from payments.documents.confinement import Limits, Outcome, run_child, run_confined
from payments.documents.errors import RenderingError
from payments.documents.lockdown import NOBODY
from payments.documents.renderer import Renderer
from payments.documents.wkhtmltopdf import Wkhtmltopdf
from tests.conditions import wait_until
from tests.payments.documents.conftest import landlock_is_here

# Locks itself down and then runs the program in its second argument: whom the child becomes may
# not be allowed to start this Python.
_LOCKED = """
import json, os, signal, socket, subprocess, sys, time
from payments.documents.lockdown import lock_down
limits = json.loads(sys.argv[1])
lock_down(limits, parent=limits["parent"])
exec(sys.argv[2])
"""
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="system calls are cut on Linux")


def run(program: str, *, limits: Limits | None = None, document: bytes = b"") -> Outcome:
    """Run a Python program confined."""
    limits = limits or Limits()
    command = [sys.executable, "-I", "-c", _LOCKED, limits.as_json(), textwrap.dedent(program)]
    return run_child(command, document, limits=limits)


def told(program: str) -> str:
    outcome = run(program)
    assert outcome.exit_code == 0, outcome.complaints
    return outcome.output.decode().strip()


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files are made during this test, empty at first."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", made)
        yield Path(made)


@linux_only
@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET"])
def test_there_are_no_sockets(family: str) -> None:
    program = f"""
        try:
            socket.socket(socket.{family}, socket.SOCK_DGRAM)
        except OSError as error:
            print(error.errno == 13)
    """
    assert told(program) == "True"


@linux_only
def test_what_it_becomes_is_locked_as_well() -> None:
    asked = ["/bin/sh", "-c", "while read line; do echo $line; done < /proc/self/status"]
    outcome = run_confined(asked, b"", limits=Limits())
    assert "Seccomp: 2" in outcome.output.decode()


@pytest.mark.skipif(not landlock_is_here(), reason="this kernel has no Landlock")
@pytest.mark.parametrize("path", ["/etc/passwd", "{open_file}", "/proc/1/status", "/", "/root"])
def test_files_of_others_cannot_be_read(path: str, open_file: Path) -> None:
    program = f"""
        try:
            os.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r})
        except OSError as error:
            print(error.errno == 13)
    """
    assert told(program.replace("{open_file}", str(open_file))) == "True"


def test_its_own_folder_can_be_used() -> None:
    assert told("open('a', 'w').write('x'); print(open('a').read(), os.listdir())") == "x ['a']"


@linux_only
def test_no_privilege_can_come_back() -> None:
    state = dict(
        line.split(":\t") for line in told("print(open('/proc/self/status').read())").splitlines()
    )
    assert (state["NoNewPrivs"], state["Seccomp"]) == ("1", "2")
    assert int(state["CapEff"], 16) == 0 or os.geteuid() != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_is_left_behind() -> None:
    told_ids = told("print(os.getresuid(), os.getresgid(), os.getgroups())")
    assert told_ids == f"{(NOBODY,) * 3} {(NOBODY,) * 3} []"


def test_it_knows_nothing_of_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENCRYPTION_KEYSET", "secret-word")
    assert "secret-word" not in told("print(dict(os.environ))")
    with tempfile.TemporaryFile() as secret:
        os.set_inheritable(secret.fileno(), True)  # noqa: FBT003 - the function's only flag
        assert told("print(sorted(os.listdir('/dev/fd')))") == "['0', '1', '2', '3']"


@linux_only
def test_memory_is_limited() -> None:
    outcome = run("x = b'x' * 3_000_000_000")
    assert outcome.exit_code != 0
    assert "MemoryError" in outcome.complaints


def test_a_file_cannot_grow_for_ever(folder: Path) -> None:
    program = """
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        while True:
            sys.stdout.buffer.write(b"x" * 65536)
    """
    with pytest.raises(RenderingError, match="too large"):
        run(program, limits=Limits(file_bytes=1_000_000))
    assert list(folder.iterdir()) == []


def test_computing_time_is_limited() -> None:
    with pytest.raises(RenderingError, match="computing time"):
        run("while True: pass", limits=Limits(cpu_s=1))


def test_waiting_is_limited_and_nothing_is_left(folder: Path) -> None:
    program = """
        for _ in range(5):
            os.fork()
        open("left", "w").write("x")
        time.sleep(600)
    """
    with pytest.raises(RenderingError, match="longer than 1 s"):
        run(program, limits=Limits(wall_s=1))
    assert list(folder.iterdir()) == []
    wait_until(lambda: not children_that_sleep())


def children_that_sleep() -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any("time.sleep(600)" in word for word in process.info["cmdline"] or ())
        and process.status() != psutil.STATUS_ZOMBIE
    ]


@linux_only
def test_it_dies_with_who_started_it() -> None:
    starting = (
        "from payments.documents.confinement import *\n"
        "run_confined(['/bin/sleep', '601'], b'', limits=Limits(wall_s=600))"
    )
    parent = subprocess.Popen([sys.executable, "-c", starting])
    try:
        own = psutil.Process(parent.pid)
        wait_until(lambda: any(is_asleep(child) for child in own.children()))
        child = own.children()[0]
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    child.wait(timeout=10)


def is_asleep(process: psutil.Process) -> bool:
    """Whether the launcher has become the program, which sleeps."""
    return process.name() == "sleep" and process.status() == psutil.STATUS_SLEEPING


# ---- documents that are too much -----------------------------------------------------------------

BOMBS = {
    "a table that is long": "<table>" + "<tr><td>x<td>y" * 300_000 + "</table>",
    "elements within elements": "<div>" * 200_000 + "x",
    "tables within tables": "<table><tr><td>" * 3_000 + "x",
    "a wide picture": '<svg width="1000000" height="1000000"><rect width="100%"/></svg>',
    "a high page": '<div style="height: 90000000px">x</div>',
    "many columns": "<table><tr>" + '<td colspan="1000">x' * 20_000 + "</table>",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_ends_in_time(wkhtmltopdf: Wkhtmltopdf, bomb: str) -> None:
    limited = Wkhtmltopdf(path=wkhtmltopdf.path, limits=Limits(cpu_s=2, wall_s=20))
    begun = time.monotonic()
    try:
        limited.render(BOMBS[bomb], title="Bomb")
    except RenderingError as error:
        assert str(error)  # noqa: PT017 - whether it is refused or printed is as it may be
    assert time.monotonic() - begun < 25


def test_a_page_that_is_too_long_is_not_even_begun(renderer: Renderer) -> None:
    with pytest.raises(RenderingError, match="more than 8000000 characters"):
        renderer.render("x" * 8_000_001, title="Long")
