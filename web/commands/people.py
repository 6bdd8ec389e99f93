"""Who runs a command: one person, by the account they are logged in with."""

import functools
import os
import pwd
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

import click

from payments.access.caller import Caller, Role

_Command = TypeVar("_Command", bound=Callable[..., Any])


def who_runs_it(role: Role) -> Caller:
    """Return whoever is logged in, as a caller in a role."""
    return Caller(principal=f"command:{login_name()}", role=role)


def command_line(role: Role) -> Caller:
    """Return the command line, for what any operator may repeat; behind it is who is logged in."""
    return Caller(principal="command:strongroom", role=role, person=f"command:{login_name()}")


def login_name() -> str:
    """Return the name of the account that runs this; no variable of the environment changes it."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # an account without a name, as in some containers
        return str(uid)


def new_reference() -> str:
    """Return a reference for a command that was given none."""
    return f"command-{secrets.token_hex(8)}"


def reference_option(command: _Command) -> _Command:
    """Give a command `--reference`."""
    option: Callable[[_Command], _Command] = click.option(
        "--reference", help="The same again does nothing twice."
    )
    return option(command)


def reason_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--reason`, which the audit log keeps with what it did."""

    @click.option("--reason", help="Why; the audit log keeps it.")
    @functools.wraps(command)
    def run(*args: Any, reason: str | None, **options: Any) -> Any:  # noqa: ARG001 - read where the deed is bound
        return command(*args, **options)

    return run
