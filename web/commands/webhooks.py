"""`strongroom webhooks`: the inbox, replays and retry windows, for whoever has the machine."""

import datetime as dt
from dataclasses import asdict
from typing import Any

import click
from flask.cli import AppGroup

from payments.access.caller import Role
from payments.database import in_transaction
from payments.settings import LONGEST_RETRY_WINDOW_H
from payments.webhooks.read_inbox import STATES, list_inbox
from payments.webhooks.request_replay import (
    SOURCES,
    WantedEvents,
    read_replay,
    request_replay,
)
from payments.webhooks.retry_window import list_retry_windows, set_retry_window
from payments.webhooks.tables import WebhookReplay
from web.commands.moments import Moment
from web.commands.output import json_option, print_json, print_rows, print_told
from web.commands.people import command_line, new_reference, reference_option
from web.commands.rehearsal import dry_run_option
from web.commands.webhook_reports import proof, refusals
from web.parts import current_parts

webhooks = AppGroup("webhooks", help="List and replay webhook events, and say how long to retry.")

_SHOWN = ("event_id", "type", "state", "attempts", "received_at", "due_at", "error")
_ERROR_WIDTH = 80


@webhooks.command("list")
@click.option("--state", type=click.Choice(STATES))
@click.option("--type", "event_type", help="The provider's type, such as charge.refunded.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_events(*, state: str | None, event_type: str | None, limit: int, as_json: bool) -> None:
    """List events that providers sent, newest first."""
    page = in_transaction(
        current_parts().engine,
        lambda session: list_inbox(session, limit=limit, state=state, event_type=event_type),
    )
    rows = [asdict(event) for event in page.data]
    print_rows(
        rows if as_json else [_short(row) for row in rows],
        as_json=as_json,
        empty="There are no such events.",
        right=("attempts",),
    )


@webhooks.command()
@click.argument("event_ids", nargs=-1)
@click.option("--source", default="inbox", show_default=True, type=click.Choice(SOURCES))
@click.option("--from", "from_at", type=Moment(), help="Instead of ids: all from this moment …")
@click.option("--to", "to_at", type=Moment(), help="… until just before this one, or now.")
@reference_option
@json_option
@dry_run_option
def replay(
    *,
    event_ids: tuple[str, ...],
    source: str,
    from_at: dt.datetime | None,
    to_at: dt.datetime | None,
    reference: str | None,
    as_json: bool,
) -> None:
    """Have the worker apply events again, or fetch them from Stripe's own list."""
    parts = current_parts()
    answered = in_transaction(
        parts.engine,
        lambda session: request_replay(
            session,
            caller=command_line(Role.OPERATOR),
            reference=reference or new_reference(),
            wanted=WantedEvents(source, event_ids or None, from_at, to_at),
            now=parts.now(),
            request_id=None,
        ),
    )
    _print_replay(answered.resource, as_json=as_json)


@webhooks.command("show-replay")
@click.argument("replay_id")
@json_option
def show_replay(*, replay_id: str, as_json: bool) -> None:
    """Say how far a replay has come."""
    found = in_transaction(current_parts().engine, lambda session: read_replay(session, replay_id))
    _print_replay(found, as_json=as_json)


@webhooks.command("retry-window")
@click.argument("provider", required=False)
@click.argument("hours", required=False, type=click.IntRange(1, LONGEST_RETRY_WINDOW_H))
@json_option
@dry_run_option
def retry_window(*, provider: str | None, hours: int | None, as_json: bool) -> None:
    """Show how long events are retried, or set it: `retry-window stripe 168`."""
    parts = current_parts()
    configured_h = parts.settings.webhook_retry_window_h
    if provider is None or hours is None:
        if provider is not None:
            raise click.UsageError("Say for how many hours, too: retry-window stripe 168")
        found = in_transaction(
            parts.engine,
            lambda session: list_retry_windows(session, configured_h=configured_h),
        )
        rows = [
            {"provider": row.provider, "hours": row.hours, "set_by": row.set_by or "configuration"}
            for row in found
        ]
        print_rows(rows, as_json=as_json, empty="", right=("hours",))
        return
    window = in_transaction(
        parts.engine,
        lambda session: set_retry_window(
            session,
            caller=command_line(Role.OPERATOR),
            provider=provider,
            hours=hours,
            configured_h=configured_h,
            now=parts.now(),
        ),
    )
    print_told(
        f"Events of {provider} are retried for {hours} hours; {window.revived} dead ones"
        " fit into that and are tried again.",
        asdict(window),
        as_json=as_json,
    )


webhooks.add_command(proof)
webhooks.add_command(refusals)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    short = {name: row[name] for name in _SHOWN}
    short["error"] = (row["error"] or "-")[:_ERROR_WIDTH]
    return short


def _print_replay(found: WebhookReplay, *, as_json: bool) -> None:
    if as_json:
        names = ("id", "source", "status", "accepted", "replayed", "duplicates", "missing", "error")
        print_json({name: getattr(found, name) for name in names})
        return
    about = "events as Stripe lists them" if found.accepted is None else f"{found.accepted} events"
    click.echo(
        f"{found.id} from {found.source}: {found.status}; {about}, {found.replayed} replayed,"
        f" {found.duplicates} were there already, {found.missing} unknown to Stripe."
    )
    if found.error:
        click.echo(found.error)
