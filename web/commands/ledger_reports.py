"""`strongroom ledger report` and `strongroom ledger export`: reports as files with a manifest."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click
from flask.cli import with_appcontext

from payments.reports.file_format import check_format, report_for
from payments.reports.formats.registry import FORMATS
from payments.reports.formats.tally import Tally
from payments.reports.json_text import json_pieces, totals
from payments.reports.manifest import begin_writing
from payments.reports.names import DEFINITIONS
from payments.reports.open_report import OpenReport, open_report
from payments.reports.report import Cell, Report
from payments.reports.verify_manifest import read_manifest, verify_manifest
from payments.reports.wanted import AXES, DETAILS, FIELDS, read_wanted
from web.commands.output import print_rows
from web.parts import current_parts

JSON, TABLE = "json", "table"
MANIFEST = ".manifest.json"
STATEMENT_TIMEOUT_S = 1800
MOST_SHOWN = 10_000

_Command = TypeVar("_Command", bound=Callable[..., Any])

_FILTERS = (
    click.option("--as-of", help="What was recorded by then: a moment, or a day's end in UTC."),
    click.option("--from", help="The first day, as 2026-10-01."),
    click.option("--to", help="The last day, as 2026-10-31."),
    click.option("--by", type=click.Choice([*AXES]), help="Which date of an entry counts."),
    click.option("--asset", help="One asset only."),
    click.option("--account", help="An account and all below it."),
    click.option("--control", help="Exactly one control account."),
    click.option("--detail", type=click.Choice(DETAILS), help="Control accounts, or every one."),
    click.option("--seller-id", "--seller", help="One seller only."),
    click.option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False, path_type=Path),
        help=f"The file; its manifest is written beside it, as FILE{MANIFEST}.",
    ),
)


def _filters(command: _Command) -> _Command:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.command()
@click.argument("name", metavar="NAME", type=click.Choice([*DEFINITIONS]))
@click.option(
    "--format",
    "format_name",
    type=click.Choice([TABLE, JSON, *FORMATS]),
    help="Default: what the file's name ends in, or a table.",
)
@_filters
@with_appcontext
def report(*, name: str, format_name: str | None, output: Path | None, **filters: Any) -> None:
    """Show a report, or write it to a file.

    The reports: trial-balance, general-ledger, journal, account-statement, income-statement,
    balance-sheet, escrow-positions, fees, seller-statement, ageing-pending, ageing-suspense.
    """
    _give(name, format_name or _format_of(output), output, filters)


@click.command()
@click.argument("format_name", metavar="FORMAT", type=click.Choice([*FORMATS]))
@click.option(
    "--report",
    "name",
    type=click.Choice([*DEFINITIONS]),
    metavar="NAME",
    default="journal",
    show_default=True,
    help=f"What is exported: {', '.join(DEFINITIONS)}.",
)
@_filters
@with_appcontext
def export(*, name: str, format_name: str, output: Path | None, **filters: Any) -> None:
    """Write the journal for other software: beancount, hledger, xero, quickbooks, csv, xlsx."""
    _give(name, format_name, output, filters)


def read_filters(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the filters that were given, as text."""
    return {name: str(given[name]) for name in FIELDS if given.get(name) is not None}


def _give(name: str, format_name: str, output: Path | None, filters: Mapping[str, Any]) -> None:
    parts = current_parts()
    wanted = read_wanted(name, read_filters(filters), now=parts.now())
    check_format(wanted, format_name, also=(TABLE, JSON))
    if output is not None and not output.absolute().parent.is_dir():
        raise click.BadParameter(f"There is no folder {output.parent}.", param_hint="-o")
    with open_report(
        parts.engine,
        report_for(wanted, format_name),
        now=parts.now(),
        statement_timeout_s=STATEMENT_TIMEOUT_S,
    ) as opened:
        if format_name == TABLE:
            _print_table(opened.report)
        elif output is None:
            for piece in _pieces(opened, format_name):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        else:
            _write(opened, format_name, output)


def _pieces(opened: OpenReport, format_name: str) -> Iterator[bytes]:
    if format_name == JSON:
        return json_pieces(opened.report, Tally())
    return begin_writing(opened, format_name).pieces(opened)


def _write(opened: OpenReport, format_name: str, output: Path) -> None:
    """Write the file and its manifest; neither is there until both are whole."""
    if format_name == JSON:
        _put(output, lambda file: file.writelines(json_pieces(opened.report, Tally())))
        click.echo(f"Written: {output}.")
        return
    written = begin_writing(opened, format_name)
    _put(output, lambda file: file.writelines(written.pieces(opened)))
    manifest = written.manifest()
    beside = output.with_name(output.name + MANIFEST)
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    _put(beside, lambda file: file.write(text.encode()))
    click.echo(f"{manifest['rows']} rows written to {output}, as of {manifest['as_of']}.")
    click.echo(f"SHA-256 {manifest['sha256']}; the manifest is {beside.name}.")


def _put(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    begun = path.with_name(f".{path.name}.part")
    try:
        with begun.open("wb") as file:
            write(file)
        begun.replace(path)
    finally:
        with suppress(FileNotFoundError):
            begun.unlink()


def _print_table(report: Report) -> None:
    """Print a report for people: amounts in whole units, and the sums at the end."""
    tally = Tally()
    rows: list[dict[str, Any]] = []
    for batch in tally.batches(report):
        rows += [_shown(report, row) for row in batch]
        if len(rows) > MOST_SHOWN:
            raise click.ClickException(
                f"There are more than {MOST_SHOWN} rows; write them to a file: -o {report.name}.csv"
            )
    empty = {column.name: "" for column in report.columns}
    for sums in totals(report, tally):
        asset = report.assets[sums.pop("asset")]
        shown = {column: asset.display(int(amount)) for column, amount in sums.items()}
        rows.append({**empty, report.columns[0].name: "sum", "asset": asset.code, **shown})
    right = [column.name for column in report.columns if column.kind in {"amount", "count"}]
    print_rows(rows, as_json=False, empty="Nothing was posted.", right=right)


def _shown(report: Report, row: tuple[Cell, ...]) -> dict[str, Any]:
    names = [column.name for column in report.columns]
    cells = dict(zip(names, row, strict=True))
    asset = report.assets.get(str(cells.get("asset")))
    for column in report.columns:
        cell = cells[column.name]
        if column.kind == "amount" and asset is not None and isinstance(cell, int):
            cells[column.name] = asset.display(cell)
    return cells


def _format_of(output: Path | None) -> str:
    if output is None:
        return TABLE
    endings = {f".{each.extension}": name for name, each in FORMATS.items()} | {".json": JSON}
    for ending in sorted(endings, key=len, reverse=True):
        if output.name.endswith(ending):
            return endings[ending]
    raise click.UsageError(f"Say which --format {output.name} is to have.")


def broken_manifests(paths: Sequence[Path]) -> list[dict[str, str]]:
    """Return what in manifests is not so in the books, or in the files beside them."""
    parts = current_parts()
    broken = []
    for path in paths:
        manifest = read_manifest(path.read_text(encoding="utf-8"))
        told = verify_manifest(parts.engine, manifest, now=parts.now())
        file = path.with_name(path.name.removesuffix(MANIFEST))
        if file != path and file.is_file() and _hash_of(file) != manifest["sha256"]:
            told.append(f"sha256: the file {file.name} is not the one of the manifest")
        broken += [{"manifest": path.name, "reason": reason} for reason in told]
    return broken


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
