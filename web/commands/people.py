"""Who runs a command: one person, by the name they are logged in with."""

import getpass
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

import click

from payments.access.caller import Caller, Role

_Command = TypeVar("_Command", bound=Callable[..., Any])


def who_runs_it(role: Role) -> Caller:
    """Return whoever is logged in, as a caller in a role."""
    return Caller(principal=f"command:{getpass.getuser()}", role=role)


def new_reference() -> str:
    """Return a reference for a command that was given none."""
    return f"command-{secrets.token_hex(8)}"


def reference_option(command: _Command) -> _Command:
    """Give a command `--reference`."""
    option: Callable[[_Command], _Command] = click.option(
        "--reference", help="The same again does nothing twice."
    )
    return option(command)
