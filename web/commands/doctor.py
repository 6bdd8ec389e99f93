"""`strongroom doctor`: what is running on what."""

import click

from payments.doctor import State, checks
from payments.settings import read_settings
from web.commands.output import json_option, print_json

_MARKS = {State.OK: "ok  ", State.WARN: "warn", State.FAIL: "FAIL"}


@click.command()
@json_option
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Say what is running on what; exit with 1 when a part fails."""
    found = checks(read_settings())
    if as_json:
        print_json([check._asdict() for check in found])
    else:
        width = max(len(check.name) for check in found)
        for check in found:
            click.echo(f"{_MARKS[check.state]}  {check.name.ljust(width)}  {check.detail}")
    if any(check.state is State.FAIL for check in found):
        context.exit(1)
