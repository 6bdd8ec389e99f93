"""`strongroom restore`: what to do on a restored database before money moves again.

Finishing takes two: who runs the commands is one person, by the account they are logged in with.
"""

import datetime as dt
from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from payments.access.caller import Role
from payments.database import in_transaction
from payments.restores.begin_restore import begin_restore
from payments.restores.fail_over import fail_over
from payments.restores.finish_restore import finish_restore
from payments.restores.read_restores import (
    count_findings,
    list_findings,
    read_restore,
    read_standing,
)
from payments.restores.reconcile import reconcile_restore
from payments.restores.settle_finding import settle_finding
from payments.restores.tables import Restore, RestoreFinding
from web.commands.moments import Moment
from web.commands.output import json_option, print_json, print_rows
from web.commands.people import new_reference, reference_option, who_runs_it
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

restore = AppGroup("restore", help="See a restored database through until money moves again.")

_STATUSES = ("open", "awaiting", "adopted", "settled")


@restore.command()
@json_option
@with_appcontext
def status(*, as_json: bool) -> None:
    """Say whether the database stands still, and why."""
    standing = in_transaction(current_parts().engine, read_standing)
    going_on = None if standing.restore is None else _row(standing.restore)
    if as_json:
        print_json({"standing_still": standing.why, "restore": going_on})
    elif standing.why is None:
        click.echo("Nothing speaks against sending.")
    else:
        click.echo(f"Nothing is sent: {standing.why}.")
        if going_on is None:
            click.echo("This database was restored, and nobody has begun to see it through.")


@restore.command()
@click.option("--reason", required=True, help="Why it was restored; it stays written down.")
@click.option(
    "--restored-to", required=True, type=Moment(), help="The moment, or earlier; never later."
)
@reference_option
@dry_run_option
@json_option
@with_appcontext
def begin(*, reason: str, restored_to: dt.datetime, reference: str | None, as_json: bool) -> None:
    """Say that this database was restored: from now on nothing is sent, whatever is asked for."""
    parts = current_parts()
    begun = begin_restore(
        parts.engine,
        caller=who_runs_it(Role.OPERATOR),
        reference=reference or new_reference(),
        reason=reason,
        restored_to=restored_to,
        now=parts.now(),
    ).resource
    _print(begun, as_json=as_json, told=f"{begun.id}: nothing is sent. Now reconcile.")


@restore.command()
@json_option
@with_appcontext
def reconcile(*, as_json: bool) -> None:
    """Ask every provider what happened since the moment, and have the books know it."""
    parts = current_parts()
    steps = []

    def tell(step: str) -> None:
        steps.append(step)
        click.echo(f"{len(steps)}/4 {step} …", err=True)

    restored = reconcile_restore(
        parts.engine,
        restore_id=None,
        providers=parts.providers,
        cipher=parts.cipher,
        chains=parts.settings.chains,
        clock=parts.now,
        tell=tell,
    )
    counted = in_transaction(parts.engine, lambda session: count_findings(session, restored.id))
    told = ", ".join(f"{counted.get(name, 0)} {name}" for name in _STATUSES)
    _print(restored, as_json=as_json, told=f"{restored.id}: {told}. See `restore findings`.")


@restore.command()
@click.option("--status", "wanted", type=click.Choice(_STATUSES), help="Only those.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 1000))
@json_option
@with_appcontext
def findings(*, wanted: str | None, limit: int, as_json: bool) -> None:
    """List what the providers have that the books had forgotten, and what a person must look at."""
    parts = current_parts()
    found = in_transaction(
        parts.engine,
        lambda session: list_findings(
            session, read_restore(session, None).id, limit=limit, status=wanted
        ),
    )
    rows = [_finding_row(one) for one in found]
    print_rows(rows, as_json=as_json, empty="Nothing was found.", right=("amount",))


@restore.command()
@click.argument("finding_id")
@click.option("--reason", "note", required=True, help="What was found or done about it.")
@reference_option
@dry_run_option
@json_option
@with_appcontext
def settle(*, finding_id: str, note: str, reference: str | None, as_json: bool) -> None:
    """Say what came of a finding."""
    parts, caller, now = current_parts(), who_runs_it(Role.OPERATOR), current_parts().now()
    settled = in_transaction(
        parts.engine,
        lambda session: settle_finding(
            session,
            caller=caller,
            reference=reference or new_reference(),
            finding_id=finding_id,
            note=note,
            now=now,
        ),
    ).resource
    if as_json:
        print_json(_finding_row(settled))
    else:
        click.echo(f"{settled.id} is settled.")


@restore.command("fail-over")
@click.option("--reason", required=True, help="Why nothing was lost; it stays written down.")
@reference_option
@json_option
@with_appcontext
def standby_took_over(*, reason: str, reference: str | None, as_json: bool) -> None:
    """After a standby took over that lost nothing: look at all providers, and ask to finish."""
    parts = current_parts()
    row = fail_over(
        parts.engine,
        caller=who_runs_it(Role.OPERATOR),
        reference=reference or new_reference(),
        reason=reason,
        providers=parts.providers,
        cipher=parts.cipher,
        chains=parts.settings.chains,
        clock=parts.now,
        tell=lambda step: click.echo(f"{step} …", err=True),
    )
    told = f"{row.id}: nothing was forgotten. Now somebody else: `strongroom restore finish`."
    _print(row, as_json=as_json, told=told)


@restore.command()
@reference_option
@dry_run_option
@json_option
@with_appcontext
def finish(*, reference: str | None, as_json: bool) -> None:
    """Ask for money to move again, or have it move when somebody else asked."""
    parts, caller, now = current_parts(), who_runs_it(Role.OPERATOR), current_parts().now()
    done = in_transaction(
        parts.engine,
        lambda session: finish_restore(
            session,
            caller=caller,
            reference=reference or new_reference(),
            restore_id=None,
            now=now,
        ),
    ).resource
    told = f"{done.id} is finished: money moves again."
    if done.finished_at is None:
        told = f"{done.id} still stands: somebody else must finish it, too."
    _print(done, as_json=as_json, told=told)


def _print(row: Restore, *, as_json: bool, told: str) -> None:
    if as_json:
        print_json(_row(row))
    else:
        click.echo(told)


def _row(row: Restore) -> dict[str, Any]:
    return {
        "id": row.id,
        "status": row.status,
        "reason": row.reason,
        "restored_to": row.restored_to,
        "timeline": row.timeline,
        "begun_by": row.begun_by,
        "begun_at": row.begun_at,
        "reconciled_at": row.reconciled_at,
        "finish_requested_by": row.finish_requested_by,
        "finished_by": row.finished_by,
    }


def _finding_row(row: RestoreFinding) -> dict[str, Any]:
    return {
        "id": row.id,
        "status": row.status,
        "kind": row.kind,
        "provider": row.provider,
        "provider_ref": row.provider_ref,
        "order_id": row.order_id,
        "amount": None if row.amount is None else str(row.amount),
        "currency": row.currency,
        "detail": row.detail,
        "claimed_by": row.claimed_by,
        "note": row.note,
    }
