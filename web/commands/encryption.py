"""`strongroom encryption`: rotating the keys of encrypted columns."""

import click
from flask.cli import AppGroup

from payments.privacy.encryption import rotated_keyset_json
from payments.rotate_encryption import rotate_encryption
from web.commands.output import json_option, print_json
from web.parts import current_parts

encryption = AppGroup("encryption", help="Rotate the keys of encrypted columns.")


@encryption.command("add-key")
def add_key() -> None:
    """Print the keyset with one more key, which new data will be encrypted with.

    Give it to every process as ENCRYPTION_KEYSET, then run `strongroom encryption rotate`.
    """
    click.echo(rotated_keyset_json(current_parts().settings.encryption_keyset))


@encryption.command()
@json_option
@click.pass_context
def rotate(context: click.Context, *, as_json: bool) -> None:
    """Encrypt everything anew with the keyset's primary key; exit with 1 when something is left."""
    parts = current_parts()
    progress = rotate_encryption(parts.engine, cipher=parts.cipher)
    if as_json:
        print_json(
            {
                "reencrypted": progress.reencrypted,
                "left": progress.left,
                "unreadable": list(progress.unreadable),
            }
        )
    else:
        click.echo(f"{progress.reencrypted} fields encrypted anew, {progress.left} left.")
        for name in progress.unreadable:
            click.echo(f"does not decrypt: {name}")
    if progress.left:
        context.exit(1)
