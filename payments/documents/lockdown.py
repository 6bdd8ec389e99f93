"""Locks this process down before it looks at a document: limits, no privileges, no network.

Runs inside the child, as `python -I -S lockdown.py LIMITS PROGRAM …`, and then becomes PROGRAM; the
standard library only, so that it starts in a few milliseconds. What the renderer inherits cannot
be taken back: https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html.
"""

import ctypes
import json
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Mapping

NOBODY = 65534
_NEW_USER, _NEW_NETWORK = 0x1000_0000, 0x4000_0000  # linux/sched.h
_DEATH_SIGNAL, _SECCOMP, _NO_NEW_PRIVILEGES = 1, 22, 38  # linux/prctl.h
_FILTER_MODE = 2
_LOAD, _JUMP_EQUAL, _JUMP_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
_ALLOW, _KILL, _REFUSE = 0x7FFF_0000, 0x8000_0000, 0x0005_0000 | 13  # EACCES
_OTHER_ABI = 0x4000_0000  # x32's numbers on a 64-bit kernel
# By machine: the audit number of its system calls, and those that lead to a network or look
# into other processes: socket, ptrace, process_vm_readv, process_vm_writev, io_uring_setup.
_SYSTEM_CALLS = {
    "x86_64": (0xC000_003E, (41, 101, 310, 311, 425)),
    "aarch64": (0xC000_00B7, (198, 117, 270, 271, 425)),
}


# Landlock's calls have the same numbers everywhere; its first version's rights, all and some.
# https://www.kernel.org/doc/html/latest/userspace-api/landlock.html
_CREATE_RULES, _ADD_RULE, _OBEY_RULES, _BENEATH = 444, 445, 446, 1
_EVERYTHING, _USE, _READ_WRITE = (1 << 13) - 1, 0b1101, 0b0110
_WHERE_PROGRAMS_AND_FONTS_ARE = (
    *("/usr", "/bin", "/lib", "/lib64", "/opt", "/nix/store", sys.prefix, sys.base_prefix),
    *("/etc/fonts", "/var/cache/fontconfig", "/proc/self"),
)
_SINGLE_FILES = ("/etc/ld.so.cache", "/etc/localtime")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


def lock_down(limits: Mapping[str, int], *, parent: int) -> None:
    """Give up whatever rendering does not need, for good.

    `limits`: `cpu_s`, `memory_bytes`, `file_bytes`, `files`, `processes`; the process dies with
    `parent`.

    Raises:
        OSError: this machine refused one of the limits; nothing may be rendered then.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, limits["cpu_s"] + 1)
    _limit(resource.RLIMIT_FSIZE, limits["file_bytes"])
    _limit(resource.RLIMIT_NOFILE, limits["files"])
    linux = sys.platform == "linux"
    if linux:
        _limit(resource.RLIMIT_AS, limits["memory_bytes"])
    alone = linux and os.geteuid() == 0 and _leave_network(_NEW_NETWORK)
    if os.geteuid() == 0:
        _limit(resource.RLIMIT_NPROC, limits["processes"])  # counted for the user we become
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    if not linux:
        return
    if not alone:
        _leave_network(_NEW_USER | _NEW_NETWORK)
    _control(_NO_NEW_PRIVILEGES, 1)
    _hide_files()
    _forbid_system_calls()
    _control(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _limit(what: int, most: int) -> None:
    hardest = resource.getrlimit(what)[1]
    if hardest != resource.RLIM_INFINITY:
        most = min(most, hardest)
    # At the hard limit of computing time comes SIGKILL, at the soft one a signal that says why.
    least = max(most - 1, 1) if what == resource.RLIMIT_CPU else most
    resource.setrlimit(what, (least, most))


def _leave_network(flags: int) -> bool:
    """Go where there is no network at all; containers often refuse it, and system calls are cut."""
    return bool(ctypes.CDLL(None).unshare(flags) == 0)


def _control(option: int, value: int, pointer: object = None) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, ctypes.c_ulong(value), pointer, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) was refused")


def _hide_files() -> None:
    """Leave programs, fonts and the current folder to be seen; older kernels cannot do it."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    rules = call(_CREATE_RULES, struct.pack("=Q", _EVERYTHING), 8, 0)
    if rules < 0:
        return
    allowed: list[tuple[str, int]] = [
        (".", _EVERYTHING),
        *((path, _USE) for path in _WHERE_PROGRAMS_AND_FONTS_ARE),
        *((path, _USE & _READ_WRITE) for path in _SINGLE_FILES),
        *((path, _READ_WRITE) for path in _DEVICES),
    ]
    for path, rights in allowed:
        try:
            beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # it is not there, so nobody needs it
        call(_ADD_RULE, rules, _BENEATH, struct.pack("=Qi", rights, beneath), 0)
        os.close(beneath)
    if call(_OBEY_RULES, rules, 0) != 0:
        raise OSError(ctypes.get_errno(), "the rules for files were refused")
    os.close(rules)


def _forbid_system_calls() -> None:
    """Answer `socket` and its like with EACCES; on a machine we have no numbers of, do nothing."""
    if platform.machine() not in _SYSTEM_CALLS:
        return
    audit_number, forbidden = _SYSTEM_CALLS[platform.machine()]
    count = len(forbidden)
    lines = [
        (_LOAD, 0, 0, 4),  # which machine's call
        (_JUMP_EQUAL, 1, 0, audit_number),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # which call
        (_JUMP_LEAST, count + 1, 0, _OTHER_ABI),
        *((_JUMP_EQUAL, count - at, 0, number) for at, number in enumerate(forbidden)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    code = b"".join(struct.pack("=HBBI", *line) for line in lines)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(
        struct.pack("@HxxxxxxP", len(lines), ctypes.addressof(buffer))
    )
    _control(_SECCOMP, _FILTER_MODE, program)


def main() -> None:
    """Lock down by the limits given as JSON, then become the program named after them."""
    limits: dict[str, int] = json.loads(sys.argv[1])
    lock_down(limits, parent=limits["parent"])
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell: the very program, by its path


if __name__ == "__main__":
    main()
