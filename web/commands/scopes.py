"""`--scope`: what an API key may do; the help lists all there are by what they are about."""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from itertools import groupby
from typing import Any, TypeVar

import click

from web.policies import POLICIES

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Scope(click.Choice[str]):
    """One of the policies' names; who misspells it is told of those alike, not of all."""

    def __init__(self) -> None:
        """Take any of them."""
        super().__init__(sorted(POLICIES))

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:  # noqa: ARG002 - click's signature
        """Return what is said of a scope that there is not."""
        subject = str(value).partition(".")[0]
        alike = get_close_matches(str(value), POLICIES) or [
            scope for scope in sorted(POLICIES) if scope.startswith(f"{subject}.")
        ]
        meant = f" Did you mean {' or '.join(alike)}?" if alike else ""
        return f"there is no scope {value!r}.{meant}"


def scope_option(command: _Command) -> _Command:
    """Give a command `--scope`, as often as one wants; its class is `ScopedCommand`."""
    option: Callable[[_Command], _Command] = click.option(
        "--scope",
        "scopes",
        multiple=True,
        type=Scope(),
        metavar="SCOPE",
        help="Nothing but this, such as `payments.read`; may be given several times. Default: all"
        " that the role may.",
    )
    return option(command)


class ScopedCommand(click.Command):
    """A command with `--scope`, under whose options the scopes are listed."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the scopes: a line for each subject, wrapped where it is long."""
        with formatter.section("Scopes, such as payments.read"):
            formatter.write_dl(list(_by_subject()))
        super().format_epilog(ctx, formatter)


def _by_subject() -> Iterator[tuple[str, str]]:
    for subject, scopes in groupby(sorted(POLICIES), key=lambda one: one.partition(".")[0]):
        yield subject, ", ".join(f".{scope.partition('.')[2]}" for scope in scopes)
