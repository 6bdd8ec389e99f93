"""Makes a copy of the whole PostgreSQL by `pg_basebackup`, and has `pg_verifybackup` prove it.

A copy alone brings back its own moment; with the archive of write-ahead logs from then on, any
moment after it.
"""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from payments.backups.programs import ENVIRONMENT, BackupError, find_program, run_program

NOTE = "strongroom-backup.json"
"""What a backup says of itself; beside it, PostgreSQL's own `backup_manifest`."""


_CONNECT_TIMEOUT_S = 5


@dataclass(frozen=True)
class Backup:
    """A copy that was verified: its folder, when it was begun and how many bytes it has."""

    folder: Path
    begun_at: dt.datetime
    ended_at: dt.datetime
    size: int


def create_backup(
    *,
    database_url: str,
    to: Path,
    clock: Callable[[], dt.datetime],
    programs: str | None,
    tell: Callable[[str], None] = lambda _: None,
) -> Backup:
    """Copy the server behind `database_url` into a new folder below `to`, and verify the copy.

    The login needs REPLICATION. `programs` is the folder of PostgreSQL's programs, if they are not
    on the path. A copy that does not verify is left where it is, under a name that says so.

    Raises:
        BackupError: it failed.
    """
    begun_at = clock()
    name = begun_at.strftime("%Y%m%dT%H%M%SZ")
    unproven, proven = to / f"{name}.unverified", to / name
    if unproven.exists() or proven.exists():
        raise BackupError(f"{proven} is there already.")
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    arguments, environment = _connection(database_url)
    major = _server_major(database_url)
    tell("copying")
    run_program(
        [
            str(find_program("pg_basebackup", folder=programs, major=major)),
            *arguments,
            f"--pgdata={unproven}",
            "--format=plain",
            "--wal-method=stream",
            "--checkpoint=fast",
            "--manifest-checksums=SHA256",
            "--no-password",
        ],
        environment=environment,
    )
    tell("verifying")
    run_program(
        [str(find_program("pg_verifybackup", folder=programs, major=major)), str(unproven)],
        environment=environment,
    )
    ended_at = clock()
    size = sum(file.stat().st_size for file in unproven.rglob("*") if file.is_file())
    unproven.rename(proven)
    note = {"begun_at": begun_at.isoformat(), "ended_at": ended_at.isoformat(), "bytes": size}
    _write_beside(proven, note)
    return Backup(proven, begun_at, ended_at, size)


def _server_major(database_url: str) -> int:
    try:
        with psycopg.connect(database_url, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
            return connection.info.server_version // 10_000
    except psycopg.OperationalError as error:
        raise BackupError(f"PostgreSQL does not answer: {type(error).__name__}.") from error


def _write_beside(proven: Path, note: dict[str, object]) -> None:
    """Write what the backup says of itself, outside of what is verified."""
    beside = proven.with_name(f"{proven.name}.{NOTE}")
    beside.write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")


def _connection(database_url: str) -> tuple[list[str], dict[str, str]]:
    """Return what tells pg_basebackup where to connect, and its environment with the password."""
    told = {name: str(value) for name, value in conninfo_to_dict(database_url).items()}
    environment = dict(ENVIRONMENT)
    if "password" in told:
        environment["PGPASSWORD"] = told.pop("password")
    told.pop("dbname", None)
    quoted = " ".join(
        "{}='{}'".format(name, value.replace("\\", "\\\\").replace("'", "\\'"))
        for name, value in told.items()
    )
    return [f"--dbname={quoted}"], environment
