"""`strongroom statements`: bank statements in, and what came of them."""

from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

import ledger
from payments.access.caller import Role
from payments.database import in_transaction
from payments.reconciliation.import_statement import import_statement
from payments.reconciliation.read_statements import ImportedStatement, list_statements
from payments.reconciliation.statements.csv_mapping import parse_mapping
from payments.reconciliation.statements.detect import FORMATS
from payments.reconciliation.statements.parse import MAX_BYTES
from web.commands.output import json_option, print_json, print_rows
from web.commands.people import command_line
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

statements = AppGroup("statements", help="Import bank statements, and list them.")

_RIGHT = ("opening", "closing", "lines", "new")


@statements.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--account", required=True, help="The account's name in BANK_ACCOUNTS.")
@click.option(
    "--format",
    "kind",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", *FORMATS]),
)
@click.option("--mapping", help="For CSV: a preset, a JSON object, or a file that holds one.")
@json_option
@dry_run_option
def import_file(*, file: Path, account: str, kind: str, mapping: str | None, as_json: bool) -> None:
    """Take in a file; the same file again, or one that overlaps it, doubles nothing."""
    parts = current_parts()
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)  # more is refused whatever it is
    answered = import_statement(
        parts.engine,
        caller=command_line(Role.FINANCE),
        content=content,
        filename=file.name,
        account=account,
        accounts=parts.settings.bank_accounts,
        format=kind,
        mapping=None if mapping is None else parse_mapping(_text_of(mapping)),
        cipher=parts.cipher,
        now=parts.now(),
    )
    found = answered.resource
    rows = _rows(found.statements, as_json=as_json)
    if as_json:
        print_json(
            {
                "file_id": found.file_id,
                "format": found.format,
                "statements": rows,
                "new_lines": found.new_lines,
                "already_imported": answered.replayed,
            }
        )
        return
    print_rows(rows, as_json=False, empty="", right=_RIGHT)
    lines = sum(statement.lines for statement in found.statements)
    if answered.replayed:
        told = f"{file.name} was imported before, as {found.file_id}: nothing changed."
    else:
        counts = f"{lines} lines, {found.new_lines} of them new"
        told = f"{file.name} is {found.file_id} ({found.format}): {counts}."
    click.echo(f"\n{told}")


@statements.command("list")
@click.option("--account", help="Only those of this account.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_imported(*, account: str | None, limit: int, as_json: bool) -> None:
    """List statements, the last imported first."""
    page = in_transaction(
        current_parts().engine,
        lambda session: list_statements(session, limit=limit, account=account),
    )
    print_rows(
        _rows(page.data, as_json=as_json),
        as_json=as_json,
        empty="No statement was imported yet.",
        right=_RIGHT,
    )


def _text_of(mapping: str) -> str:
    """Return the mapping itself, or what the file of this name holds."""
    path = Path(mapping)
    is_file = not mapping.lstrip().startswith("{") and path.is_file()
    return path.read_text(encoding="utf-8") if is_file else mapping


def _rows(found: Any, *, as_json: bool) -> list[dict[str, Any]]:
    with current_parts().engine.connect() as connection:
        assets = ledger.assets(connection)

    def shown(amount: int | None, currency: str) -> str | None:
        if amount is None:
            return None
        return str(amount) if as_json else assets[currency].display(amount)

    def row(statement: ImportedStatement) -> dict[str, Any]:
        return {
            "id": statement.id,
            "account": statement.account,
            "statement": statement.statement_ref,
            "from": statement.from_date,
            "to": statement.to_date,
            "currency": statement.currency,
            "opening": shown(statement.opening_balance, statement.currency),
            "closing": shown(statement.closing_balance, statement.currency),
            "lines": statement.lines,
            "new": statement.new_lines,
        }

    return [row(statement) for statement in found]
