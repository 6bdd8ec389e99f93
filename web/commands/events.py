"""`strongroom events`: try live updates as a browser would."""

from dataclasses import asdict

import click
from flask.cli import AppGroup

from web.commands.output import json_option, print_json, print_rows
from web.parts import current_parts
from web.stream_self_test import try_streams

events = AppGroup("events", help="Try live updates as a browser would.")


@events.command()
@click.option("--url", required=True, help="The API as browsers reach it: https://pay.example.com.")
@click.option("--as", "party_id", help="Whose page listens, pty_…; default: nobody in particular.")
@click.option("--origin", help="The page's origin, such as https://shop.example.com.")
@json_option
@click.pass_context
def test(
    context: click.Context, *, url: str, party_id: str | None, origin: str | None, as_json: bool
) -> None:
    """Open a stream and say who is at fault: web, CORS, cookie, proxy, Redis or relay.

    Fails when somebody is, or when no stream could be opened.
    """
    tested = try_streams(current_parts(), url=url, party_id=party_id, origin=origin)
    if as_json:
        steps = [asdict(step) for step in tested.steps]
        print_json(
            {
                "url": tested.url,
                "party_id": tested.party_id,
                "origin": tested.origin,
                "fault": tested.fault,
                "advice": tested.advice,
                "steps": steps,
            }
        )
    else:
        print_rows([asdict(step) for step in tested.steps], as_json=False, empty="")
        told = tested.advice or "All is well."
        click.echo(f"At fault: {tested.fault}. {told}" if tested.fault else told)
    if tested.advice:
        context.exit(1)
