"""`strongroom payments declines`: what a payer saw, and what to tell them."""

from dataclasses import asdict

import click
from flask.cli import AppGroup

from payments.access.caller import Role
from payments.database import in_transaction
from payments.intake.decline_advice import Advice
from payments.intake.read_declines import read_declines
from web.commands.output import json_option, print_json
from web.commands.people import command_line
from web.parts import current_parts

payments_group = AppGroup("payments", help="What happened to a payment.")


@payments_group.command()
@click.argument("payment_id")
@json_option
def declines(*, payment_id: str, as_json: bool) -> None:
    """Show each failed attempt: what the payer saw, what it means, and what to tell them."""
    found = in_transaction(
        current_parts().engine,
        lambda session: read_declines(
            session, caller=command_line(Role.SUPPORT), payment_id=payment_id
        ),
    )
    if as_json:
        print_json(
            {
                "payment_id": payment_id,
                "status": found.payment.status,
                "attempts": [asdict(one) for one in found.attempts],
                "waiting": found.waiting and asdict(found.waiting),
            }
        )
        return
    click.echo(f"{payment_id} is {found.payment.status}; {len(found.attempts)} failed attempts.")
    for attempt in found.attempts:
        code = attempt.stripe_code or attempt.code
        click.echo(f"\n{attempt.at:%Y-%m-%d %H:%M:%S} {code}, told by {', '.join(attempt.told_by)}")
        click.echo(f"  The payer saw: {attempt.message} ({attempt.next_step})")
        _print(attempt.advice)
    if found.waiting is not None:
        click.echo("\nIts payer must confirm it.")
        _print(found.waiting)


def _print(advice: Advice) -> None:
    click.echo(f"  It means: {advice.meaning}")
    click.echo(f"  Tell them: {advice.tell}")
    click.echo(f"  We: {advice.do}")
