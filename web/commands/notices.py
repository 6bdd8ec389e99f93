"""`strongroom notices`: where the platform's backend is told of changes, and how that fares."""

import datetime as dt
from typing import Any

import click
from flask.cli import AppGroup

from payments.access.caller import Role
from payments.database import in_transaction
from payments.notices import deliveries
from payments.notices.endpoints import (
    EndpointView,
    add_endpoint,
    change_endpoint,
    list_endpoints,
    remove_endpoint,
)
from payments.notices.request_replay import WantedNotices, request_replay
from payments.notices.rotate_secret import rotate_secret
from payments.notices.tables import NoticeEndpoint
from payments.notices.topics import TOPICS
from web.commands.moments import Moment
from web.commands.output import json_option, print_json, print_rows, print_told
from web.commands.people import command_line, new_reference, reason_option, reference_option
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

notices = AppGroup(
    "notices", help="Tell the platform's backend of changes: where, and how it fares."
)


@notices.command("endpoints")
@json_option
def show_endpoints(*, as_json: bool) -> None:
    """List where notices go, and which of it fails or is disabled."""
    found = in_transaction(current_parts().engine, list_endpoints)
    print_rows([_row(one) for one in found], as_json=as_json, empty="There are no endpoints.")


@notices.command()
@click.argument("url")
@click.option("--topic", "topics", multiple=True, type=click.Choice(sorted(TOPICS)))
@click.option("--description", default="")
@json_option
@dry_run_option
def add(*, url: str, topics: tuple[str, ...], description: str, as_json: bool) -> None:
    """Have a URL hear of changes from now on, and print its secret, once."""
    parts = current_parts()
    answered = in_transaction(
        parts.engine,
        lambda session: add_endpoint(
            session,
            caller=command_line(Role.OPERATOR),
            reference=new_reference(),
            url=url,
            topics=topics,
            description=description,
            private_networks=parts.settings.notice_private_networks,
            cipher=parts.cipher,
            now=parts.now(),
        ),
    )
    _print_secret(answered.resource, as_json=as_json)


@notices.command()
@click.argument("endpoint_id")
@json_option
@dry_run_option
def enable(*, endpoint_id: str, as_json: bool) -> None:
    """Enable an endpoint again: what waits for it is sent at once."""
    _switch(endpoint_id, enabled=True)
    told = (
        f"{endpoint_id} is enabled. What happened meanwhile:"
        f" strongroom notices replay {endpoint_id} --since MOMENT"
    )
    print_told(told, {"id": endpoint_id, "status": "enabled"}, as_json=as_json)


@notices.command()
@click.argument("endpoint_id")
@json_option
@dry_run_option
def disable(*, endpoint_id: str, as_json: bool) -> None:
    """Send an endpoint nothing until it is enabled again."""
    _switch(endpoint_id, enabled=False)
    told = {"id": endpoint_id, "status": "disabled"}
    print_told(f"{endpoint_id} is disabled.", told, as_json=as_json)


@notices.command()
@click.argument("endpoint_id")
@reason_option
@json_option
@dry_run_option
def remove(*, endpoint_id: str, as_json: bool) -> None:
    """Send an endpoint nothing more, for good."""
    parts = current_parts()
    in_transaction(
        parts.engine, lambda session: remove_endpoint(session, endpoint_id, now=parts.now())
    )
    told = {"id": endpoint_id, "status": "deleted"}
    print_told(f"{endpoint_id} is removed.", told, as_json=as_json)


@notices.command("rotate-secret")
@click.argument("endpoint_id")
@click.option(
    "--overlap-hours",
    default=24,
    show_default=True,
    type=click.IntRange(0, 168),
    help="How long old and new secret sign both.",
)
@json_option
@dry_run_option
def rotate(*, endpoint_id: str, overlap_hours: int, as_json: bool) -> None:
    """Make an endpoint's new secret and print it, once."""
    parts = current_parts()
    answered = in_transaction(
        parts.engine,
        lambda session: rotate_secret(
            session,
            caller=command_line(Role.OPERATOR),
            reference=new_reference(),
            endpoint_id=endpoint_id,
            overlap=dt.timedelta(hours=overlap_hours),
            cipher=parts.cipher,
            now=parts.now(),
        ),
    )
    _print_secret(answered.resource, as_json=as_json)


@notices.command()
@click.argument("endpoint_id")
@json_option
@dry_run_option
def test(*, endpoint_id: str, as_json: bool) -> None:
    """Send an endpoint a notice of type endpoint.test."""
    parts = current_parts()
    sent = in_transaction(
        parts.engine,
        lambda session: deliveries.send_test(session, endpoint_id, now=parts.now()),
    )
    notice_id = sent.delivery.notice_id
    told = f"{notice_id} is on its way; strongroom notices list says how it went."
    print_told(told, {"notice_id": notice_id, "endpoint_id": endpoint_id}, as_json=as_json)


@notices.command("list")
@click.option("--endpoint", "endpoint_id")
@click.option("--state", type=click.Choice(deliveries.STATES))
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_sent(*, endpoint_id: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """List what was sent where and how it went, newest first."""
    page = in_transaction(
        current_parts().engine,
        lambda session: deliveries.list_deliveries(
            session, limit=limit, endpoint_id=endpoint_id, state=state
        ),
    )
    rows = [
        {
            "notice_id": one.delivery.notice_id,
            "endpoint_id": one.delivery.endpoint_id,
            "type": one.type,
            "state": one.delivery.state,
            "attempts": one.delivery.attempts,
            "last": one.delivery.last_error or one.delivery.last_status,
            "next_attempt_at": one.next_attempt_at,
        }
        for one in page.data
    ]
    print_rows(rows, as_json=as_json, empty="Nothing was sent.", right=("attempts",))


@notices.command()
@click.argument("endpoint_id")
@click.argument("notice_ids", nargs=-1)
@click.option("--since", type=Moment(), help="Instead of ids: all from this moment on.")
@reference_option
@json_option
@dry_run_option
def replay(
    *,
    endpoint_id: str,
    notice_ids: tuple[str, ...],
    since: dt.datetime | None,
    reference: str | None,
    as_json: bool,
) -> None:
    """Send an endpoint notices again, with the ids they had."""
    parts = current_parts()
    made = in_transaction(
        parts.engine,
        lambda session: request_replay(
            session,
            caller=command_line(Role.OPERATOR),
            reference=reference or new_reference(),
            endpoint_id=endpoint_id,
            wanted=WantedNotices(notice_ids or None, since),
            now=parts.now(),
        ),
    ).resource
    if as_json:
        names = ("id", "endpoint_id", "accepted", "next_since")
        print_json({name: getattr(made, name) for name in names})
        return
    click.echo(f"{made.accepted} notices are on their way.")
    if made.next_since is not None:
        click.echo(f"That was not all: go on with --since {made.next_since.isoformat()}")


def _switch(endpoint_id: str, *, enabled: bool) -> None:
    parts = current_parts()
    in_transaction(
        parts.engine,
        lambda session: change_endpoint(
            session,
            endpoint_id,
            private_networks=parts.settings.notice_private_networks,
            now=parts.now(),
            enabled=enabled,
        ),
    )


def _print_secret(made: EndpointView, *, as_json: bool) -> None:
    if as_json:
        print_json(_row(made.row) | {"secret": made.secret})
        return
    click.echo(made.secret)
    click.echo(f"{made.row.id}. Keep the secret now: it is not shown again.", err=True)


def _row(row: NoticeEndpoint) -> dict[str, Any]:
    return {
        "id": row.id,
        "url": row.url,
        "topics": row.topics or "all",
        "status": row.status,
        "disabled_reason": row.disabled_reason,
        "failing_since": row.failing_since,
    }
