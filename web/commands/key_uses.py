"""`strongroom keys uses`: who used a key since when, for when it has leaked."""

import datetime as dt
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from payments.access.read_key_uses import read_key_uses
from payments.database import in_transaction
from web.commands.moments import Moment
from web.commands.output import json_option, print_json, print_rows
from web.parts import current_parts


@click.command()
@click.argument("key_id")
@click.option("--since", type=Moment(), help="Default: 30 days ago.")
@json_option
@with_appcontext
def uses(*, key_id: str, since: dt.datetime | None, as_json: bool) -> None:
    """Say from where a key was used since when, and what was done with it."""
    parts = current_parts()
    found = in_transaction(
        parts.engine,
        lambda session: read_key_uses(session, key_id=key_id, since=since, now=parts.now()),
    )
    if as_json:
        print_json(
            {
                "key_id": key_id,
                "since": found.since,
                "uses": [asdict(use) for use in found.uses],
                "deeds": [asdict(deeds) for deeds in found.deeds],
            }
        )
        return
    places = [
        {
            "network": use.network + (" (new)" if use.is_new else ""),
            "uses": use.uses,
            "refused": use.refused,
            "days": use.days,
            "first": use.first_at,
            "last": use.last_at,
        }
        for use in found.uses
    ]
    print_rows(places, as_json=False, empty="Not used since.", right=("uses", "refused", "days"))
    click.echo()
    done = [
        {
            "action": deeds.action,
            "outcome": deeds.outcome,
            "from": deeds.ip,
            "times": deeds.times,
            "last": deeds.last_at,
        }
        for deeds in found.deeds
    ]
    print_rows(done, as_json=False, empty="Nothing in the audit log.", right=("times",))
