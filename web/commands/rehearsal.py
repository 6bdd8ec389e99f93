"""`--dry-run`: a command does all it would do, says so, and takes it back."""

import functools
from collections.abc import Callable
from typing import Any

import click

from payments.database import rehearse


def dry_run_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--dry-run`, for one whose every effect is rows of the database."""

    @click.option("--dry-run", is_flag=True, help="Show what would happen, and change nothing.")
    @functools.wraps(command)
    def run(*args: Any, dry_run: bool, **options: Any) -> Any:
        if not dry_run:
            return command(*args, **options)
        with rehearse():
            result = command(*args, **options)
        click.echo("Nothing was changed: this was a dry run.", err=True)
        return result

    return run
