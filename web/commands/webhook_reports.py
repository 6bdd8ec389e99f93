"""`strongroom webhooks proof` and `refusals`: webhooks as a whole, after an outage or amid one."""

import datetime as dt
import sys
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from payments.database import in_transaction
from payments.webhooks.prove import Proof, prove_webhooks
from payments.webhooks.read_refusals import read_refusals
from web.commands.moments import Moment
from web.commands.output import json_option, print_json, print_rows
from web.parts import current_parts

MOST_EVENTS = 100_000
_DAY = dt.timedelta(days=1)
_FROM = click.option("--from", "from_at", type=Moment(), help="From this moment; else a day ago …")
_TO = click.option("--to", "to_at", type=Moment(), help="… until just before this one, or now.")


@click.command()
@click.option("--provider", default="stripe", show_default=True)
@_FROM
@_TO
@json_option
@with_appcontext
@click.pass_context
def proof(
    context: click.Context,
    *,
    provider: str,
    from_at: dt.datetime | None,
    to_at: dt.datetime | None,
    as_json: bool,
) -> None:
    """Hold a provider's own list of events against inbox and ledger; exit with 1 on any fault.

    Proves that nothing it told is missing, and that nothing was applied twice.
    """
    parts, now = current_parts(), current_parts().now()
    until = to_at or now
    read = _Read(provider)
    made = prove_webhooks(
        parts.engine,
        provider=provider,
        from_at=from_at or until - _DAY,
        to_at=until,
        providers=parts.providers,
        cipher=parts.cipher,
        most=MOST_EVENTS,
        now=now,
        on_page=read.advance,
    )
    read.end()
    if as_json:
        print_json(asdict(made) | {"proven": made.proven})
    else:
        _print(made)
    if not made.proven:
        context.exit(1)


@click.command()
@_FROM
@_TO
@json_option
@with_appcontext
def refusals(*, from_at: dt.datetime | None, to_at: dt.datetime | None, as_json: bool) -> None:
    """Count refused webhooks by reason, and show which secret version matched last."""
    parts, now = current_parts(), current_parts().now()
    until = to_at or now
    report = in_transaction(
        parts.engine,
        lambda session: read_refusals(
            session,
            from_at=from_at or until - _DAY,
            to_at=until,
            max_age_d=parts.settings.secret_max_age_d,
            now=now,
        ),
    )
    secrets = [
        {
            "kind": view.version.kind,
            "id": view.version.id,
            "state": view.state,
            "starts_at": f"{view.version.starts_at:%Y-%m-%d %H:%M}",
            "last_matched_at": view.version.last_matched_at
            and f"{view.version.last_matched_at:%Y-%m-%d %H:%M}",
        }
        for view in report.secrets
    ]
    if as_json:
        totals = [asdict(one) for one in report.totals]
        print_json(
            {"totals": totals, "hours": [asdict(one) for one in report.hours], "secrets": secrets}
        )
        return
    rows = [
        {"hour": f"{one.hour:%Y-%m-%d %H:%M}", "provider": one.provider, "reason": one.reason}
        | {"count": one.count}
        for one in report.hours
    ]
    print_rows(rows, as_json=False, empty="No webhook was refused.", right=("count",))
    for total in report.totals:
        click.echo(f"{total.provider}, {total.reason}: {total.count} in all. {total.advice}")
    print_rows(secrets, as_json=False, empty="No version of a webhook's secret is known.")


class _Read:
    """How many events were read so far, for whoever waits; how many there are, nobody says."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._events = 0
        self._shows = sys.stderr.isatty()

    def advance(self, events: int) -> None:
        self._events += events
        if self._shows:
            click.echo(f"\rReading events of {self._provider}: {self._events}", nl=False, err=True)

    def end(self) -> None:
        if self._shows and self._events:
            click.echo(err=True)


def _print(made: Proof) -> None:
    listed = "no list of its own" if made.listed is None else f"{made.listed} events listed"
    states = ", ".join(f"{count} {state}" for state, count in sorted(made.states.items()))
    click.echo(
        f"{made.provider}, {made.from_at:%Y-%m-%d %H:%M:%S} to {made.to_at:%Y-%m-%d %H:%M:%S} UTC:"
        f" {listed}, {made.in_inbox} in the inbox ({states or 'none'}), {made.missing} missing."
    )
    click.echo(
        f"{made.effects} movements of money told: {made.applied_once} applied once,"
        f" {made.applied_twice} twice, {made.not_applied} not, {made.differing} with another"
        " amount."
    )
    rows = [asdict(one) for one in made.money]
    if rows:
        print_rows(rows, as_json=False, empty="", right=("told", "booked"))
    for fault in made.faults:
        click.echo(f"{fault.problem}: {fault.event_id} ({fault.what}): {fault.detail}")
    if made.more_faults:
        click.echo(f"… and {made.more_faults} more.")
    told = "Proven: nothing is missing, nothing was applied twice, nothing is left to do."
    click.echo(told if made.proven else "Not proven.")
