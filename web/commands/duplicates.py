"""`strongroom duplicates`: what was seen twice, and where an order's money is."""

import datetime as dt
from dataclasses import asdict

import click
from flask.cli import AppGroup

from payments.database import in_transaction
from payments.duplicates.order_balances import read_order_balances
from payments.duplicates.report import report_duplicates
from web.commands.moments import Moment
from web.commands.output import json_option, print_json, print_rows
from web.parts import current_parts

duplicates = AppGroup("duplicates", help="What was seen twice, and where an order's money is.")


@duplicates.command()
@click.option("--since", type=Moment(), help="Of the last 92 days; default: seven days ago.")
@click.option("--order", "order_id", help="Only what is of this order.")
@json_option
def report(*, since: dt.datetime | None, order_id: str | None, as_json: bool) -> None:
    """List what was asked for, told or done twice, the worst first, each judged."""
    parts = current_parts()
    found = in_transaction(
        parts.engine,
        lambda session: report_duplicates(session, since=since, order_id=order_id, now=parts.now()),
    )
    if as_json:
        print_json(asdict(found))
        return
    print_rows(
        [
            {
                "verdict": one.verdict,
                "what": one.kind,
                "key": one.key,
                "times": one.count,
                "last": one.last_at,
                "about": list(one.subjects),
                "why": one.why,
            }
            for one in found.items
        ],
        as_json=False,
        empty="Nothing was seen twice.",
        right=("times",),
    )


@duplicates.command()
@click.argument("order_id")
@json_option
@click.pass_context
def balances(context: click.Context, *, order_id: str, as_json: bool) -> None:
    """Say what came in, went out and is held for an order; fail when two who count it differ."""
    found = in_transaction(
        current_parts().engine, lambda session: read_order_balances(session, order_id)
    )
    if as_json:
        checks = [asdict(check) | {"agrees": check.agrees} for check in found.checks]
        print_json(asdict(found) | {"checks": checks, "agrees": found.agrees})
    else:
        rows = [
            {"figure": name.replace("_", " "), found.asset: value}
            for name, value in found.figures.items()
            if value
        ]
        print_rows(rows, as_json=False, empty="Nothing came in yet.", right=(found.asset,))
        for check in found.checks:
            word = "agrees" if check.agrees else "DIFFERS"
            click.echo(f"{word}: {check.name}: {check.ours} / {check.theirs} ({check.source})")
    if not found.agrees:
        context.exit(1)
