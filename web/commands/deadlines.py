"""`strongroom deadlines`: puts off until when bank payments may be paid, and shows what was."""

import datetime as dt
from dataclasses import asdict

import click
from flask.cli import AppGroup

from payments.access.caller import Role
from payments.database import in_transaction
from payments.intake.extend_deadlines import Scope, extend_deadlines
from payments.intake.list_extensions import list_extensions
from web.commands.moments import Moment
from web.commands.output import json_option, print_rows, print_told
from web.commands.people import command_line, new_reference, reference_option
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

deadlines = AppGroup("deadlines", help="Put deadlines of bank payments off, and list who did.")


@deadlines.command()
@click.argument("payment_ids", nargs=-1)
@click.option("--order", "order_id", help="Instead of payments: those of an order.")
@click.option("--provider", help="Instead of payments: all with a provider, such as truelayer.")
@click.option("--created-before", type=Moment(), help="Of the provider's, only those.")
@click.option("--until", required=True, type=Moment(), help="A moment: 2026-11-22T12:00Z.")
@click.option("--reason", required=True, help="Why; it stays written down.")
@reference_option
@json_option
@dry_run_option
def extend(
    *,
    payment_ids: tuple[str, ...],
    order_id: str | None,
    provider: str | None,
    created_before: dt.datetime | None,
    until: dt.datetime,
    reason: str,
    reference: str | None,
    as_json: bool,
) -> None:
    """Let payments be paid until a later moment: while that is in force, none of them expires."""
    parts = current_parts()
    scope = Scope(
        payment_ids=payment_ids or None,
        order_id=order_id,
        provider=provider,
        created_before=created_before,
    )
    made = in_transaction(
        parts.engine,
        lambda session: extend_deadlines(
            session,
            caller=command_line(Role.OPERATOR),
            reference=reference or new_reference(),
            scope=scope,
            extend_until=until,
            reason=reason,
            providers=parts.providers.banks.keys(),
            now=parts.now(),
        ),
    ).resource
    print_told(
        f"{made.extended} payments may be paid until {made.extended_until:%Y-%m-%d %H:%M} UTC.",
        asdict(made),
        as_json=as_json,
    )


@deadlines.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_made(*, limit: int, as_json: bool) -> None:
    """List what was put off, newest first: until when, for whom, by whom and why."""
    found = in_transaction(
        current_parts().engine, lambda session: list_extensions(session, limit=limit)
    )
    rows = [asdict(extension) for extension in found]
    if not as_json:
        for row in rows:
            for name in ("extended_until", "created_at"):
                row[name] = f"{row[name]:%Y-%m-%d %H:%M}"
    print_rows(rows, as_json=as_json, empty="No deadline was put off.", right=("payments",))
