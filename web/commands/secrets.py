"""`strongroom secrets` and `strongroom sessions`: rotating secrets, and signing people out."""

import datetime as dt
import sys
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from payments.access.caller import Role
from payments.access.end_access import end_access
from payments.access.sessions import end_sessions
from payments.database import in_transaction
from payments.secret_versions.kinds import LIMITS, LONGEST_OVERLAP, Kind
from payments.secret_versions.list_secrets import SecretView, list_secrets, view_secret
from payments.secret_versions.revoke_secret import revoke_secret
from payments.secret_versions.rotate_secret import rotate_secret
from web.commands.output import json_option, print_rows, print_told
from web.commands.people import command_line, new_reference, reason_option, reference_option
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

secrets_group = AppGroup("secrets", help="List, rotate and revoke the versions of secrets.")
sessions_group = AppGroup("sessions", help="Sign people out.")

_LONGEST_OVERLAP_H = int(LONGEST_OVERLAP.total_seconds()) // 3600


@secrets_group.command("list")
@json_option
def list_all(*, as_json: bool) -> None:
    """List the versions of all secrets, without their values."""
    parts = current_parts()
    now = parts.now()
    parts.secrets.of_again(Kind.LINK_KEY, now=now)  # notes what the environment gives
    views = in_transaction(
        parts.engine,
        lambda session: list_secrets(session, max_age_d=parts.settings.secret_max_age_d, now=now),
    )
    print_rows([_row(view) for view in views], as_json=as_json, empty="There are no secrets.")


@secrets_group.command()
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, _LONGEST_OVERLAP_H),
    help="How long the older versions live on; default: as long as the kind needs.",
)
@reference_option
@json_option
@dry_run_option
def rotate(*, kind: str, overlap_hours: int | None, reference: str | None, as_json: bool) -> None:
    """Add a version of a secret; a value that somebody else made is read from standard input."""
    parts, caller, now = current_parts(), command_line(Role.ADMIN), current_parts().now()
    known = Kind(kind)
    value = sys.stdin.read() if LIMITS[known].given else None
    answered = in_transaction(
        parts.engine,
        lambda session: rotate_secret(
            session,
            known,
            principal=caller.principal,
            person=caller.person,
            reference=reference or new_reference(),
            value=value,
            overlap=None if overlap_hours is None else dt.timedelta(hours=overlap_hours),
            cipher=parts.cipher,
            settings=parts.settings,
            now=now,
        ),
    )
    view = view_secret(answered.resource, max_age_d=parts.settings.secret_max_age_d, now=now)
    print_told(
        f"{view.version.id} begins at {view.version.starts_at:%Y-%m-%d %H:%M:%S} UTC.",
        _row(view),
        as_json=as_json,
    )


@secrets_group.command()
@click.argument("version_id")
@reason_option
@json_option
@dry_run_option
def revoke(*, version_id: str, as_json: bool) -> None:
    """End a version of a secret: every process refuses it within five seconds."""
    parts = current_parts()
    in_transaction(
        parts.engine, lambda session: revoke_secret(session, version_id, now=parts.now())
    )
    told = f"{version_id} is revoked."
    print_told(told, {"id": version_id, "state": "revoked"}, as_json=as_json)


@sessions_group.command()
@click.option("--party", help="Whose browsers to sign out, pty_….")
@click.option("--all", "everybody", is_flag=True, help="Everybody's.")
@reason_option
@json_option
@dry_run_option
def end(*, party: str | None, everybody: bool, as_json: bool) -> None:
    """Sign out all browsers of a person, or of everybody."""
    if (party is None) is not everybody:
        raise click.UsageError("Say either --party or --all.")
    parts = current_parts()
    by, now = command_line(Role.ADMIN).person, parts.now()

    def end_them(session: Session) -> int:
        if party is None:
            return end_sessions(session, party_id=None, now=now)
        return end_access(session, party_id=party, by=by, now=now)

    ended = in_transaction(parts.engine, end_them)
    print_told(f"{ended} sessions ended.", {"sessions_ended": ended}, as_json=as_json)


def _row(view: SecretView) -> dict[str, Any]:
    version = view.version
    return {
        "id": version.id,
        "kind": version.kind,
        "origin": version.origin,
        "state": view.state,
        "starts_at": version.starts_at,
        "ends_at": version.revoked_at or version.ends_at,
        "last_matched_at": version.last_matched_at,
        "age_d": view.age_d,
        "due_at": view.due_at,
    }
