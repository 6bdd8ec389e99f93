"""`strongroom completion`: what has a shell complete the rest of a command."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print what has a shell complete `strongroom …`.

    For bash: strongroom completion bash > ~/.local/share/bash-completion/completions/strongroom
    """
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"click completes nothing in {shell}.")
    root = context.find_root()
    click.echo(made(root.command, {}, "strongroom", "_STRONGROOM_COMPLETE").source())
