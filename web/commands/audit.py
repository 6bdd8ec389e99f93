"""`strongroom audit`: read, prove and export the log of who did what."""

import datetime as dt
from pathlib import Path
from typing import Any, TextIO

import click
from flask.cli import AppGroup

from payments.audit.read_entries import Wanted, export_lines, read_entries
from payments.audit.sealing import seal_audit
from payments.audit.verify import audit_faults, last_audit_seal
from payments.audit.verify_file import file_faults
from payments.database import in_transaction
from web.commands.output import json_option, print_json, print_rows, print_told
from web.parts import current_parts

audit = AppGroup("audit", help="Read, prove and export the log of who did what.")

_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
_ANCHOR = click.option(
    "--anchor",
    metavar="NUMBER:HASH",
    help="A seal noted down elsewhere, as `audit seal` and the log lines print it.",
)


@audit.command("list")
@click.option("--actor", help="A credential, a key's id, or the person behind it.")
@click.option("--action", help="Such as releases.approve.")
@click.option("--subject", help="An id, of whatever it is.")
@click.option("--outcome", help="done, replayed, seen, refused or failed.")
@click.option("--from", "since", type=_MOMENT, help="From this moment on (UTC).")
@click.option("--to", "until", type=_MOMENT, help="Before this moment (UTC).")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_entries(
    *,
    since: dt.datetime | None,
    until: dt.datetime | None,
    limit: int,
    as_json: bool,
    **given: str | None,
) -> None:
    """List what was done, refused and seen, newest first."""
    parts = current_parts()
    wanted = Wanted(**given, since=_utc(since), until=_utc(until))
    page = in_transaction(
        parts.engine,
        lambda session: read_entries(session, wanted, limit=limit, after=None, cipher=parts.cipher),
    )
    if as_json:
        print_json(page.data)
        return
    columns = ("number", "at", "person", "role", "action", "outcome", "ip", "reason")
    rows = [
        {**{name: entry[name] for name in columns}, "subjects": " ".join(entry["subjects"])}
        for entry in page.data
    ]
    print_rows(rows, as_json=False, empty="There are no such entries.", right=("number",))


@audit.command()
@_ANCHOR
@click.option(
    "--file",
    "exported",
    type=click.File(encoding="utf-8"),
    help="Prove an export instead; neither the database nor a key is asked.",
)
@json_option
@click.pass_context
def verify(
    context: click.Context, *, anchor: str | None, exported: TextIO | None, as_json: bool
) -> None:
    """Prove that no entry was changed, removed, put in or moved; exit with 1 when one was."""
    if exported is not None:
        faults: list[dict[str, Any]] = [
            fault._asdict() for fault in file_faults(exported, anchor=_anchor(anchor))
        ]
        sound = "The export proves itself: every entry fits its seal."
    else:
        parts = current_parts()
        with parts.engine.connect() as connection:
            faults = [
                fault._asdict()
                for fault in audit_faults(connection, anchor=_anchor(anchor), cipher=parts.cipher)
            ]
            last = last_audit_seal(connection)
        sound = "Nothing is sealed yet; `strongroom audit seal` does it."
        if last is not None:
            sound = f"Every entry fits its seal, up to entry {last.upto_entry}: {last}"
    print_rows(faults, as_json=as_json, empty=sound)
    if faults:
        context.exit(1)


@audit.command()
@json_option
def seal(*, as_json: bool) -> None:
    """Seal what is settled, and print the newest seal to note down elsewhere."""
    engine = current_parts().engine
    entries = seal_audit(engine)
    with engine.connect() as connection:
        last = last_audit_seal(connection)
    print_told(
        f"Entries sealed: {entries}. Newest seal, to be noted elsewhere: {last or '-'}",
        {"entries": entries, "anchor": str(last) if last else None},
        as_json=as_json,
    )


@audit.command()
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
def export(*, file: Path) -> None:
    """Write everything that is sealed to a file, with the hash chain."""
    count = 0
    with file.open("x", encoding="utf-8") as lines:
        for piece in export_lines(current_parts().engine):
            count += lines.write(piece)
    click.echo(f"{file}: {count} characters. Prove it: strongroom audit verify --file {file}")


def _utc(moment: dt.datetime | None) -> dt.datetime | None:
    return None if moment is None else moment.replace(tzinfo=dt.UTC)


def _anchor(text: str | None) -> tuple[int, bytes] | None:
    if text is None:
        return None
    number, _, chain_hash = text.partition(":")
    try:
        return int(number), bytes.fromhex(chain_hash)
    except ValueError:
        raise click.BadParameter("An anchor reads NUMBER:HASH.") from None
