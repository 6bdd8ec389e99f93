"""`strongroom incidents`: say what is wrong, tell everybody by a banner, and that it is over."""

import datetime as dt
from typing import Any

import click
from flask.cli import AppGroup

from payments.access.caller import Role
from payments.database import in_transaction
from payments.incidents.change_incident import STATUSES, change_incident
from payments.incidents.open_incident import SEVERITIES, open_incident
from payments.incidents.public_status import COMPONENTS
from payments.incidents.read_incidents import list_incidents, read_incident, updates_of
from payments.incidents.tables import Incident
from web.commands.moments import Moment
from web.commands.output import json_option, print_json, print_rows, print_told
from web.commands.people import new_reference, reference_option, who_runs_it
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

incidents = AppGroup("incidents", help="Say what is wrong; tell everybody by a banner.")

_SHOWN = (
    *("id", "title", "severity", "status", "components", "banner", "expected_at"),
    *("opened_by", "opened_at", "updated_at", "resolved_at"),
)


@incidents.command("open")
@click.argument("title")
@click.option("--severity", required=True, type=click.Choice(SEVERITIES))
@click.option(
    "--component", "components", multiple=True, type=click.Choice(COMPONENTS), help="One or more."
)
@click.option("--banner", help="What everybody reads; without it only staff knows.")
@click.option("--expected-at", type=Moment(), help="When it should be over: 2026-11-22T16:00Z.")
@reference_option
@json_option
@dry_run_option
def open_one(
    *,
    title: str,
    severity: str,
    components: tuple[str, ...],
    banner: str | None,
    expected_at: dt.datetime | None,
    reference: str | None,
    as_json: bool,
) -> None:
    """Open an incident; TITLE is for staff, the banner for everybody."""
    parts = current_parts()
    opened = in_transaction(
        parts.engine,
        lambda session: open_incident(
            session,
            caller=who_runs_it(Role.OPERATOR),
            reference=reference or new_reference(),
            title=title,
            severity=severity,
            components=components,
            banner=banner,
            expected_at=expected_at,
            now=parts.now(),
        ),
    ).resource
    told = "every open page shows the banner" if banner else "nobody outside is told"
    print_told(f"{opened.id} is open; {told}.", _row(opened), as_json=as_json)


@incidents.command()
@click.argument("incident_id")
@click.option("--status", type=click.Choice(STATUSES))
@click.option("--banner", help="The new text.")
@click.option("--no-banner", is_flag=True, help="Take the banner down.")
@click.option("--expected-at", type=Moment(), help="When it should be over.")
@click.option("--note", help="For the history; staff reads it.")
@reference_option
@json_option
@dry_run_option
def change(
    *,
    incident_id: str,
    status: str | None,
    banner: str | None,
    no_banner: bool,
    expected_at: dt.datetime | None,
    note: str | None,
    reference: str | None,
    as_json: bool,
) -> None:
    """Change how an incident stands or what everybody reads, or add a note."""
    if banner and no_banner:
        raise click.UsageError("Give a banner, or take it down: not both.")
    given: dict[str, Any] = {"status": status, "banner": banner, "expected_at": expected_at}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if no_banner:
        changes["banner"] = None
    _change(incident_id, changes, note=note, reference=reference, as_json=as_json)


@incidents.command()
@click.argument("incident_id")
@click.option("--note", help="What was done; for the history.")
@reference_option
@json_option
@dry_run_option
def resolve(*, incident_id: str, note: str | None, reference: str | None, as_json: bool) -> None:
    """Say that an incident is over; its banner goes."""
    _change(incident_id, {"status": "resolved"}, note=note, reference=reference, as_json=as_json)


@incidents.command("list")
@click.option("--all", "with_resolved", is_flag=True, help="Those resolved, too.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_all(*, with_resolved: bool, limit: int, as_json: bool) -> None:
    """List incidents that are not over, newest first."""
    status = None if with_resolved else "unresolved"
    page = in_transaction(
        current_parts().engine,
        lambda session: list_incidents(session, limit=limit, status=status),
    )
    shown = _SHOWN if as_json else ("id", "severity", "status", "title", "banner", "opened_at")
    rows = [{name: getattr(row, name) for name in shown} for row in page.data]
    print_rows(rows, as_json=as_json, empty="Nothing is wrong that anybody has said.")


@incidents.command()
@click.argument("incident_id")
@json_option
def show(*, incident_id: str, as_json: bool) -> None:
    """Show an incident with its history."""
    found, updates = in_transaction(
        current_parts().engine,
        lambda session: (read_incident(session, incident_id), updates_of(session, incident_id)),
    )
    names = ("at", "by", "status", "banner", "expected_at", "note")
    history = [{name: getattr(row, name) for name in names} for row in updates]
    if as_json:
        print_json(_row(found) | {"updates": history})
        return
    click.echo(f"{found.id} {found.severity} {found.status}: {found.title}")
    print_rows(history, as_json=False, empty="")


def _change(
    incident_id: str,
    changes: dict[str, Any],
    *,
    note: str | None,
    reference: str | None,
    as_json: bool,
) -> None:
    parts = current_parts()
    changed = in_transaction(
        parts.engine,
        lambda session: change_incident(
            session,
            incident_id,
            caller=who_runs_it(Role.OPERATOR),
            reference=reference or new_reference(),
            changes=changes,
            note=note,
            now=parts.now(),
        ),
    ).resource
    print_told(f"{changed.id} is {changed.status}.", _row(changed), as_json=as_json)


def _row(incident: Incident) -> dict[str, Any]:
    return {name: getattr(incident, name) for name in _SHOWN}
