"""`strongroom backup`: copy the whole PostgreSQL, and lay a copy out to be brought to a moment."""

import datetime as dt
from pathlib import Path

import click
from flask.cli import AppGroup, with_appcontext

from payments.backups.create_backup import create_backup
from payments.backups.restore_backup import restore_backup
from web.commands.moments import Moment
from web.commands.output import json_option, print_json, print_told
from web.parts import current_parts

backup = AppGroup("backup", help="Copy the whole PostgreSQL; lay a copy out for a moment.")

_PG_BIN = click.option(
    "--pg-bin",
    type=click.Path(exists=True, file_okay=False),
    help="The folder of PostgreSQL's programs, if they are not on the path.",
)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@backup.command()
@click.option("--to", required=True, type=_FOLDER, help="A folder that gets one for each backup.")
@click.option(
    "--login-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the URL of a login that has REPLICATION; else DATABASE_URL is tried.",
)
@_PG_BIN
@json_option
@with_appcontext
def create(*, to: Path, login_file: Path | None, pg_bin: str | None, as_json: bool) -> None:
    """Copy the server, and have PostgreSQL prove that the copy is whole."""
    parts = current_parts()
    url = parts.settings.database_url
    if login_file is not None:
        url = login_file.read_text(encoding="utf-8").strip()
    made = create_backup(
        database_url=url, to=to.absolute(), clock=parts.now, programs=pg_bin, tell=_tell
    )
    print_told(
        f"{made.folder}: {made.size} bytes, verified.",
        {"folder": made.folder, "begun_at": made.begun_at, "bytes": made.size},
        as_json=as_json,
    )


@backup.command()
@click.option(
    "--from", "source", required=True, type=_FOLDER, help="The folder of one verified backup."
)
@click.option("--archive", type=_FOLDER, help="The folder with archived write-ahead logs.")
@click.option(
    "--restore-command", help="What fetches one instead, with %f and %p, as pgBackRest's."
)
@click.option("--to-time", type=Moment(), help="The moment; without it, the archive's end.")
@click.option("--into", required=True, type=_FOLDER, help="The new data folder; empty, or not yet.")
@_PG_BIN
@json_option
def restore(
    *,
    source: Path,
    archive: Path | None,
    restore_command: str | None,
    to_time: dt.datetime | None,
    into: Path,
    pg_bin: str | None,
    as_json: bool,
) -> None:
    """Verify a backup and lay it out; PostgreSQL recovers it when it is started on the folder."""
    _tell("verifying and copying")
    done = restore_backup(
        backup=source.absolute(),
        archive=None if archive is None else archive.absolute(),
        restore_command=restore_command,
        to_time=to_time,
        into=into.absolute(),
        programs=pg_bin,
    )
    if as_json:
        print_json({"folder": done.folder, "to_time": done.to_time})
        return
    click.echo(f"{done.folder} is laid out. Start PostgreSQL on it; when it answers:")
    click.echo("  strongroom restore begin --reason … --restored-to …")


def _tell(step: str) -> None:
    click.echo(f"{step} …", err=True)
