"""How commands speak: tables for people, JSON for programs."""

import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def json_option(command: _Command) -> _Command:
    """Give a command `--json`."""
    option: Callable[[_Command], _Command] = click.option(
        "--json", "as_json", is_flag=True, help="Print JSON for programs."
    )
    return option(command)


def print_told(told: str, value: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what a command has done: a sentence for people, `value` for programs."""
    if as_json:
        print_json(value)
    else:
        click.echo(told)


def print_json(value: Any) -> None:
    """Print a value; moments and amounts as text."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def print_rows(
    rows: Sequence[Mapping[str, Any]],
    *,
    as_json: bool,
    empty: str,
    right: Collection[str] = (),
) -> None:
    """Print rows as a table, or `empty` when there are none; `right` names columns of figures."""
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(empty)
    else:
        lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
        click.echo(_table(lines, right=[name in right for name in rows[0]]))


def _table(lines: Sequence[Sequence[str]], *, right: Sequence[bool]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _cell(value: Any) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"  # UTC, as everywhere
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
