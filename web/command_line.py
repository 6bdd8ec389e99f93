"""The command line `strongroom`, on Flask's click group: errors are sentences, not tracebacks.

What only a command needs is imported when one runs, so that help and completion come at once.
"""

import sys
from typing import Any

import click
from click.shell_completion import CompletionItem
from flask import Flask
from flask.cli import FlaskGroup

from web.command_table import PLACES, CommandTable


class CommandLine(FlaskGroup):
    """Lists its commands without an application, and prints foreseen errors plainly."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands' names."""
        return sorted(self.commands)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return a command, imported now; None when there is none of this name."""
        return self.commands.get(name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list of commands, of which none is needed for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in PLACES.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so; options as click does."""
        if incomplete and not incomplete[0].isalnum():
            return click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(name, help=told)
            for name, (_, told) in PLACES.items()
            if name.startswith(incomplete)
        ]

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command.

        Raises:
            ClickException: it failed in a way that one sentence explains.
        """
        from payments.log_lines import configure_log_lines  # noqa: PLC0415 - help has no lines

        # Standard output is the answer's; what a command does, it says in words.
        configure_log_lines("ERROR", stream=sys.stderr)
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except Exception as error:
            from web.commands.foreseen import sentence_of  # noqa: PLC0415 - it needs the drivers

            told = sentence_of(error)
            if told is None:
                raise
            raise click.ClickException(told) from error


def _make_app() -> Flask:
    # Commands need the parts and no route: without them, each starts half a second sooner.
    from payments.database import APPLICATION_ROLE  # noqa: PLC0415 - help needs none of this
    from payments.settings import read_settings  # noqa: PLC0415 - likewise
    from web.commands.deeds import bind_command  # noqa: PLC0415 - likewise
    from web.commands.foreign_tables import load_foreign_tables  # noqa: PLC0415 - likewise
    from web.parts import install_parts, make_parts  # noqa: PLC0415 - likewise

    load_foreign_tables()
    settings = read_settings()
    app, parts = Flask(__name__), make_parts(settings, role=APPLICATION_ROLE)
    install_parts(app, parts)
    context = click.get_current_context()
    context.find_root().call_on_close(parts.close)
    bind_command(context, parts)
    return app


main = CommandLine(
    name="strongroom",
    help="Look after a Strongroom. What to do when something is wrong: docs/operating.md.",
    create_app=_make_app,
    add_default_commands=False,
    add_version_option=False,
    load_dotenv=False,
    set_debug_flag=False,
    commands=CommandTable(),
)

# Flask's own options choose an application and a file of settings; neither is for us to choose.
main.params = []

if __name__ == "__main__":
    main()
