"""`strongroom alerts`: what people were told, taking it on, and trying whether they hear it."""

from typing import Any

import click
from flask.cli import AppGroup

from payments.access.caller import Role
from payments.alert_settings import TARGETS
from payments.alerts.acknowledge import acknowledge
from payments.alerts.all_conditions import BY_NAME, CONDITIONS, conditions_unreadable
from payments.alerts.apprise_sender import send
from payments.alerts.deliver import deliver_due
from payments.alerts.evaluate import evaluate_all
from payments.alerts.read_alerts import (
    STATUSES,
    AlertView,
    deliveries_of,
    list_alerts,
    read_alert,
    view_of,
)
from payments.alerts.send_test import send_test
from payments.database import in_transaction
from web.commands.output import json_option, print_json, print_rows, print_told
from web.commands.people import new_reference, reference_option, who_runs_it
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

alerts = AppGroup("alerts", help="What people were told; take it on, or try whether they hear.")

_SHOWN = (
    *("id", "condition", "title", "priority", "status", "figures", "runbook", "since"),
    *("opened_at", "last_seen_at", "reopened", "tellings", "told_at", "next_telling_at"),
    *("acknowledged_by", "acknowledged_at", "note", "resolved_at"),
)
_DELIVERY = ("kind", "target", "address", "state", "attempts", "error", "created_at")


@alerts.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Instead of those not over.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_all(*, status: str | None, limit: int, as_json: bool) -> None:
    """List alerts that are not over, newest first."""
    page = in_transaction(
        current_parts().engine,
        lambda session: list_alerts(session, limit=limit, status=status or "unresolved"),
    )
    rows = [_row(view) if as_json else _short(view) for view in page.data]
    print_rows(rows, as_json=as_json, empty="There are no such alerts.", right=("count",))


@alerts.command()
@click.argument("alert_id")
@json_option
def show(*, alert_id: str, as_json: bool) -> None:
    """Show an alert, and how the messages about it fared."""
    view, found = in_transaction(
        current_parts().engine,
        lambda session: (read_alert(session, alert_id), deliveries_of(session, alert_id)),
    )
    messages = [{name: getattr(row, name) for name in _DELIVERY} for row in found]
    if as_json:
        print_json(_row(view) | {"deliveries": messages})
        return
    click.echo(f"{view.id} {view.priority} {view.status}: {view.title}")
    click.echo(f"{view.measured}: {view.figures['count']}; runbook {view.runbook}")
    print_rows(messages, as_json=False, empty="Nobody was told.", right=("attempts",))


@alerts.command("acknowledge")
@click.argument("alert_id")
@click.option("--note", help="What you are doing about it.")
@reference_option
@json_option
@dry_run_option
def take_on(*, alert_id: str, note: str | None, reference: str | None, as_json: bool) -> None:
    """Take an alert on: nobody is told again unless it gets worse, or goes on for long."""
    parts = current_parts()
    taken = in_transaction(
        parts.engine,
        lambda session: acknowledge(
            session,
            alert_id,
            caller=who_runs_it(Role.OPERATOR),
            reference=reference or new_reference(),
            note=note,
            now=parts.now(),
        ),
    ).resource
    print_told(f"{taken.id} is yours.", _row(view_of(taken)), as_json=as_json)


@alerts.command("test")
@click.argument("target", type=click.Choice(TARGETS))
@reference_option
@json_option
@dry_run_option
def try_target(*, target: str, reference: str | None, as_json: bool) -> None:
    """Send a test to every address of a target."""
    parts = current_parts()
    sent = in_transaction(
        parts.engine,
        lambda session: send_test(
            session,
            caller=who_runs_it(Role.OPERATOR),
            reference=reference or new_reference(),
            target=target,
            settings=parts.settings,
            now=parts.now(),
        ),
    ).resource
    print_told(
        f"A test is on its way to {len(sent.deliveries)} addresses of {target}.",
        {"target": target, "addresses": len(sent.deliveries)},
        as_json=as_json,
    )


@alerts.command()
@json_option
def evaluate(*, as_json: bool) -> None:
    """Look at every condition and send what is due, now and in this process.

    The workers do that twice a minute. Run from cron, it tells when they or the relay are gone.
    """
    parts = current_parts()
    done = evaluate_all(
        parts.engine,
        CONDITIONS,
        settings=parts.settings,
        clock=parts.now,
        unreadable=conditions_unreadable,
    )
    sent = deliver_due(parts.engine, settings=parts.settings, send=send, clock=parts.now)
    if as_json:
        print_json({"true": done.true, "unreadable": done.unreadable, **sent})
        return
    click.echo(
        f"{done.true} of {done.looked_at} conditions are true; {sent['sent']} messages sent."
    )
    if done.unreadable:
        click.echo(f"Could not be looked at: {', '.join(done.unreadable)}.")


@alerts.command()
@json_option
def conditions(*, as_json: bool) -> None:
    """List what people are told of, and whom."""
    rows = [
        {
            "name": condition.name,
            "priority": condition.priority,
            "measured": condition.measured,
            "least": condition.least,
            "holds_for": str(condition.holds_for),
            "runbook": condition.runbook,
        }
        for condition in BY_NAME.values()
    ]
    print_rows(rows, as_json=as_json, empty="", right=("least",))


def _short(view: AlertView) -> dict[str, Any]:
    return {
        "id": view.id,
        "priority": view.priority,
        "status": view.status,
        "title": view.title,
        "count": view.figures["count"],
        "since": f"{view.since:%Y-%m-%d %H:%M}",
        "by": view.acknowledged_by,
        "runbook": view.runbook,
    }


def _row(view: AlertView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in _SHOWN}
