"""`strongroom keys`: API keys, for whoever has the machine but no key yet."""

import datetime as dt
from typing import Any

import click
from flask.cli import AppGroup

from payments.access.api_keys import IssuedKey, create_key, list_keys, revoke_key, rotate_key
from payments.access.caller import KEY_ROLES, Role
from payments.access.tables import ApiKey
from payments.database import in_transaction
from payments.secret_versions.kinds import Kind
from payments.secret_versions.source import to_make_with
from web.commands.key_uses import uses
from web.commands.output import json_option, print_json, print_rows, print_told
from web.commands.people import reason_option, who_runs_it
from web.commands.rehearsal import dry_run_option
from web.commands.scopes import ScopedCommand, scope_option
from web.parts import current_parts

keys = AppGroup("keys", help="Make, list, rotate and revoke API keys; say who used one.")
keys.add_command(uses)

_ALL = 10_000


@keys.command(cls=ScopedCommand)
@click.option("--name", required=True, help="Who will use it.")
@click.option("--role", required=True, type=click.Choice(sorted(role.value for role in KEY_ROLES)))
@scope_option
@click.option("--owner", help="Who stands behind it, such as `party:pty_…`; default: you.")
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 365))
@json_option
@dry_run_option
def create(
    *, name: str, role: str, scopes: tuple[str, ...], owner: str | None, days: int, as_json: bool
) -> None:
    """Make a key and print it, once."""
    parts = current_parts()
    pepper = to_make_with(parts.secrets, Kind.API_KEY_PEPPER, now=parts.now())
    issued = in_transaction(
        parts.engine,
        lambda session: create_key(
            session,
            name=name,
            role=Role(role),
            scopes=scopes,
            life=dt.timedelta(days=days),
            created_by=who_runs_it(Role.ADMIN).person,
            owner=owner,
            pepper=pepper.value,
            pepper_version=pepper.id,
            livemode=parts.settings.livemode,
            now=parts.now(),
        ),
    )
    _print_issued(issued, as_json=as_json)


@keys.command("list")
@json_option
def list_all(*, as_json: bool) -> None:
    """List all keys, ended ones too."""
    found = in_transaction(current_parts().engine, lambda session: list_keys(session, limit=_ALL))
    print_rows([_row(key) for key in found.data], as_json=as_json, empty="There are no keys yet.")


@keys.command()
@click.argument("key_id")
@click.option(
    "--overlap-hours",
    default=24,
    show_default=True,
    type=click.IntRange(0, 168),
    help="How long the old key works beside the new one.",
)
@click.option("--now", "at_once", is_flag=True, help="It has leaked: the old key ends at once.")
@json_option
@dry_run_option
def rotate(*, key_id: str, overlap_hours: int, at_once: bool, as_json: bool) -> None:
    """Make a key's successor with the same rights and print it, once."""
    parts = current_parts()
    pepper = to_make_with(parts.secrets, Kind.API_KEY_PEPPER, now=parts.now())
    issued = in_transaction(
        parts.engine,
        lambda session: rotate_key(
            session,
            key_id,
            overlap=dt.timedelta(hours=0 if at_once else overlap_hours),
            pepper=pepper.value,
            pepper_version=pepper.id,
            livemode=parts.settings.livemode,
            now=parts.now(),
            created_by=who_runs_it(Role.ADMIN).person,
        ),
    )
    _print_issued(issued, as_json=as_json)


@keys.command()
@click.argument("key_id")
@reason_option
@json_option
@dry_run_option
def revoke(*, key_id: str, as_json: bool) -> None:
    """End a key at once."""
    parts = current_parts()
    in_transaction(parts.engine, lambda session: revoke_key(session, key_id, now=parts.now()))
    told = f"{key_id} is revoked."
    print_told(told, {"id": key_id, "state": "revoked"}, as_json=as_json)


def _print_issued(issued: IssuedKey, *, as_json: bool) -> None:
    if as_json:
        print_json(_row(issued.key) | {"key": issued.text})
    else:
        click.echo(issued.text)
        click.echo(
            f"{issued.key.id}, {issued.key.role}, until {issued.key.expires_at:%Y-%m-%d}. "
            "Keep it now: it is not shown again.",
            err=True,
        )


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "owner": key.owner,
        "created_by": key.created_by,
        "scopes": key.scopes,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
