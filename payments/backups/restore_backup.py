"""Lays a backup out as a data folder that PostgreSQL brings to a moment when it is started.

It starts nothing: who starts the server decides when, and with which settings.
"""

import datetime as dt
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from payments.backups.programs import ENVIRONMENT, BackupError, find_program, run_program

_SETTINGS = "postgresql.auto.conf"


@dataclass(frozen=True)
class LaidOut:
    """A data folder that is ready to be started, and the moment it will stop at."""

    folder: Path
    to_time: dt.datetime | None


def restore_backup(
    *,
    backup: Path,
    archive: Path | None,
    restore_command: str | None,
    to_time: dt.datetime | None,
    into: Path,
    programs: str | None,
) -> LaidOut:
    """Verify a backup, copy it into a new folder, and write how far PostgreSQL is to recover it.

    Write-ahead logs come from a folder (`archive`) or by a command (`restore_command`, with
    PostgreSQL's `%f` and `%p`). Without a moment it recovers to the end of the archive. In any case
    it begins a new timeline, by which the database knows that it was restored.

    Raises:
        BackupError: the backup does not verify, the folder is in use, or the moment is before it.
    """
    if not (backup / "backup_manifest").is_file():
        raise BackupError(f"{backup} is no backup.")
    if (archive is None) == (restore_command is None):
        raise BackupError("Name where write-ahead logs come from: a folder, or a command.")
    if archive is not None and not archive.is_dir():
        raise BackupError(f"{archive} is no folder.")
    if into.exists() and any(into.iterdir()):
        raise BackupError(f"{into} is not empty: restore into a new folder.")
    major = int((backup / "PG_VERSION").read_text(encoding="ascii"))
    verify = find_program("pg_verifybackup", folder=programs, major=major)
    run_program([str(verify), str(backup)], environment=ENVIRONMENT)
    shutil.copytree(backup, into, symlinks=True, dirs_exist_ok=True)
    into.chmod(0o700)
    command = restore_command or f"cp {shlex.quote(str(archive))}/%f %p"
    lines = [
        "",
        "# Written by strongroom backup restore.",
        f"restore_command = {_quoted(command)}",
        "recovery_target_timeline = 'latest'",
        "recovery_target_action = 'promote'",
    ]
    if to_time is not None:
        moment = to_time.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        lines += [f"recovery_target_time = {_quoted(moment)}", "recovery_target_inclusive = 'on'"]
    with (into / _SETTINGS).open("a", encoding="utf-8") as settings:
        settings.write("\n".join(lines) + "\n")
    (into / "recovery.signal").touch(mode=0o600)
    (into / "postmaster.pid").unlink(missing_ok=True)
    return LaidOut(into, to_time)


def _quoted(value: str) -> str:
    return "'{}'".format(value.replace("'", "''"))
