"""`strongroom encryption`: the keys of encrypted columns, and the keyset that wraps them."""

import secrets

import click
from flask.cli import AppGroup

from payments.access.caller import Role
from payments.at_rest.encrypt_anew import encrypt_anew
from payments.at_rest.read_encryption import read_encryption
from payments.at_rest.request_rotation import request_rotation
from payments.at_rest.tables import EncryptionRun
from payments.database import in_transaction, transaction
from payments.lifecycle.view import rfc_3339
from payments.privacy.data_keys import rewrap as rewrap_keys
from payments.privacy.encryption import rotated_keyset_json
from web.commands.output import json_option, print_json, print_told
from web.commands.people import command_line
from web.parts import Parts, current_parts

encryption = AppGroup("encryption", help="Rotate the keys of encrypted columns.")


@encryption.command()
@json_option
@click.option("--count", is_flag=True, help="Count what uses which key; reads every table.")
def status(*, as_json: bool, count: bool) -> None:
    """Show the data keys, what wraps them, and how far the last rotation is."""
    parts = current_parts()
    keyset_json = parts.settings.encryption_keyset
    with transaction(parts.engine) as session:
        view = read_encryption(session, keyset_json=keyset_json, count=count)
    if as_json:
        keys = [
            {
                "version": key.version,
                "state": key.state,
                "wrapped_by_primary": key.wrapped_by_primary,
                "created_at": rfc_3339(key.created_at),
                "fields": key.fields,
            }
            for key in view.keys
        ]
        run = None if view.run is None else _run_figures(view.run)
        print_json({"keys": keys, "run": run, "by_keyset_itself": view.by_keyset_itself})
        return
    for key in view.keys:
        used = "" if key.fields is None else f", {key.fields} fields"
        wrapped = "" if key.wrapped_by_primary in (True, None) else ", wrapped by an older keyset"
        created = rfc_3339(key.created_at)
        click.echo(f"data key {key.version}: {key.state}, of {created}{used}{wrapped}")
    if view.by_keyset_itself:
        click.echo(f"{view.by_keyset_itself} fields are encrypted by the keyset itself: rotate.")
    if view.run is not None:
        click.echo(_run_line(view.run))


@encryption.command()
@json_option
@click.option("--wait", is_flag=True, help="Encrypt everything here and now, and show progress.")
@click.option("--reference", help="Names this rotation: sent twice, it happens once.")
@click.pass_context
def rotate(context: click.Context, *, as_json: bool, wait: bool, reference: str | None) -> None:
    """Encrypt with a new data key from now on, and have a job encrypt the rest with it.

    With --wait it exits with 1 when something does not decrypt.
    """
    parts = current_parts()
    run = in_transaction(
        parts.engine,
        lambda session: (
            request_rotation(
                session,
                caller=command_line(Role.ADMIN),
                reference=reference or f"rotation-{secrets.token_hex(8)}",
                keyset_json=parts.settings.encryption_keyset,
                now=parts.now(),
                request_id=None,
            ).resource
        ),
    )
    if wait:
        run = _walk(parts, run.id, shows=not as_json)
    print_told(_run_line(run), _run_figures(run), as_json=as_json)
    if run.unreadable:
        context.exit(1)


@encryption.command()
def rewrap() -> None:
    """Wrap the data keys with the primary key of ENCRYPTION_KEYSET.

    Every process must have that keyset already. Nothing else is encrypted anew.
    """
    parts = current_parts()
    rewrapped = in_transaction(
        parts.engine,
        lambda session: rewrap_keys(session, keyset_json=parts.settings.encryption_keyset),
    )
    click.echo(f"{rewrapped} data keys wrapped anew.")


@encryption.command("add-key")
def add_key() -> None:
    """Print the keyset with one more key, which is to wrap the data keys.

    Give it to every process as ENCRYPTION_KEYSET, then run `strongroom encryption rewrap`.
    """
    click.echo(rotated_keyset_json(current_parts().settings.encryption_keyset))


def _walk(parts: Parts, run_id: str, *, shows: bool) -> EncryptionRun:
    while True:
        is_done = encrypt_anew(parts.engine, cipher=parts.cipher, clock=parts.now)
        with transaction(parts.engine) as session:
            run = session.get_one(EncryptionRun, run_id)
        if is_done or is_done is None or run.status == "done":
            return run
        if shows:
            click.echo(_run_line(run))


def _run_line(run: EncryptionRun) -> str:
    total = "?" if run.fields is None else run.fields
    unreadable = f", {run.unreadable} do not decrypt" if run.unreadable else ""
    return f"{run.id} {run.status}: {run.encrypted} of {total} fields encrypted anew{unreadable}."


def _run_figures(run: EncryptionRun) -> dict[str, str | int | None]:
    return {
        "id": run.id,
        "status": run.status,
        "key_version": run.key_version,
        "fields": run.fields,
        "encrypted": run.encrypted,
        "unreadable": run.unreadable,
    }
