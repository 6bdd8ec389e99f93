"""`strongroom freeze`, `unfreeze`, `freezes` and `releases`: stop releases, look at both.

Lifting takes two: who runs the commands is one person, by the account they are logged in with.
"""

from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from payments.access.caller import Role
from payments.database import in_transaction
from payments.freezes.freeze_releases import freeze_releases
from payments.freezes.lift_freeze import lift_freeze
from payments.freezes.list_freezes import list_freezes
from payments.freezes.tables import Freeze
from payments.releases.read_releases import newest_releases
from payments.releases.tables import Release
from web.commands.output import json_option, print_rows, print_told
from web.commands.people import new_reference, reference_option, who_runs_it
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

_LIMIT = click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many."
)


@click.command()
@click.option("--reason", required=True, help="Why; it stays written down.")
@click.option("--order", "order_id", help="Only the releases of this order.")
@reference_option
@json_option
@dry_run_option
@with_appcontext
def freeze(*, reason: str, order_id: str | None, reference: str | None, as_json: bool) -> None:
    """Stop all releases, or those of an order; when this ends, none is on its way."""
    parts = current_parts()
    made = freeze_releases(
        parts.engine,
        caller=who_runs_it(Role.OPERATOR),
        reference=reference or new_reference(),
        reason=reason,
        order_id=order_id,
        now=parts.now(),
    ).resource
    told = f"{made.id}: {_what(made)} frozen. Two lift it."
    print_told(told, _row(made), as_json=as_json)


@click.command()
@click.argument("freeze_id", required=False)
@click.option("--reason", required=True, help="Why; it stays written down.")
@reference_option
@json_option
@dry_run_option
@with_appcontext
def unfreeze(*, freeze_id: str | None, reason: str, reference: str | None, as_json: bool) -> None:
    """Ask to lift a freeze, or lift it when somebody else asked."""
    parts, caller, now = current_parts(), who_runs_it(Role.OPERATOR), current_parts().now()
    lifted = in_transaction(
        parts.engine,
        lambda session: lift_freeze(
            session,
            caller=caller,
            reference=reference or new_reference(),
            freeze_id=freeze_id,
            reason=reason,
            now=now,
        ),
    ).resource
    told = f"{lifted.id} is lifted."
    if lifted.lifted_at is None:
        told = f"{lifted.id} is still in force: somebody else must lift it, too."
    print_told(told, _row(lifted), as_json=as_json)


@click.command()
@click.option("--all", "with_lifted", is_flag=True, help="Those lifted, too.")
@_LIMIT
@json_option
@with_appcontext
def freezes(*, with_lifted: bool, limit: int, as_json: bool) -> None:
    """List the freezes in force, newest first."""
    found = in_transaction(
        current_parts().engine,
        lambda session: list_freezes(session, in_force=not with_lifted, limit=limit),
    )
    rows = [_row(freeze) for freeze in found]
    print_rows(rows, as_json=as_json, empty="Nothing is frozen.")


releases = AppGroup("releases", help="Look at releases.")


@releases.command("list")
@click.option("--order", "order_id", help="Only those of an order.")
@click.option("--status", help="Only those that stand so, such as requested.")
@_LIMIT
@json_option
def list_newest(*, order_id: str | None, status: str | None, limit: int, as_json: bool) -> None:
    """List releases, newest first."""
    found = in_transaction(
        current_parts().engine,
        lambda session: newest_releases(session, order_id=order_id, status=status, limit=limit),
    )
    rows = [_release_row(release) for release in found]
    print_rows(rows, as_json=as_json, empty="There are no such releases.", right=("amount",))


def _what(freeze: Freeze) -> str:
    return "releases are" if freeze.order_id is None else f"releases of {freeze.order_id} are"


def _row(freeze: Freeze) -> dict[str, Any]:
    return {
        "id": freeze.id,
        "what": freeze.order_id or "all",
        "status": freeze.status,
        "reason": freeze.reason,
        "created_by": freeze.created_by,
        "created_at": freeze.created_at,
        "lift_requested_by": freeze.lift_requested_by,
        "lifted_by": freeze.lifted_by,
        "lifted_at": freeze.lifted_at,
    }


def _release_row(release: Release) -> dict[str, Any]:
    return {
        "id": release.id,
        "order_id": release.order_id,
        "amount": str(release.amount),
        "currency": release.currency,
        "status": release.status,
        "needs_approval": release.needs_approval,
        "requested_by": release.requested_by,
        "approved_by": release.approved_by,
        "created_at": release.created_at,
    }
