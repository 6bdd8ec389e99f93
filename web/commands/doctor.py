"""`strongroom doctor`: what is running on what, and what to change about it."""

import datetime as dt
from collections.abc import Sequence

import click

from payments.doctor import Check, State, checks
from payments.settings import read_settings
from web.commands.output import json_option, print_json

_MARKS = {State.OK: "ok  ", State.WARN: "warn", State.FAIL: "FAIL"}
_COLOURS = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}


@click.command()
@json_option
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Say what is running on what; exit with 1 when a part fails."""
    found = checks(read_settings(), now=dt.datetime.now(dt.UTC))
    if as_json:
        print_json([check._asdict() for check in found])
    else:
        _print(found)
    if any(check.state is State.FAIL for check in found):
        context.exit(1)


def _print(found: Sequence[Check]) -> None:
    width = max(len(check.name) for check in found)
    for check in found:
        mark = click.style(_MARKS[check.state], fg=_COLOURS[check.state])
        click.echo(f"{mark}  {check.name.ljust(width)}  {check.detail}")
        if check.change:
            click.echo(f"{' ' * (width + 8)}-> {check.change}")
    click.echo()
    click.echo(_sum_up(found))


def _sum_up(found: Sequence[Check]) -> str:
    fails = sum(check.state is State.FAIL for check in found)
    warns = sum(check.state is State.WARN for check in found)
    if fails:
        also = f", {warns} more to look at" if warns else ""
        return f"{fails} to mend before money goes through here{also}."
    return f"{warns} to look at; nothing that must be mended." if warns else "All is well."
