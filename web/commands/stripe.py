"""`strongroom stripe`: our books against Stripe's own, and asking it about what waits."""

import click
from flask.cli import AppGroup

import ledger
from payments.providers.stripe.intent_facts import PROVIDER as STRIPE
from payments.settlement.compare_balance import Comparison, InFlight, compare_balance
from web.commands.asks import WAIT, ask
from web.commands.output import json_option, print_rows
from web.commands.people import reference_option
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

stripe_group = AppGroup("stripe", help="Our books against Stripe's own; asking it.")
_PLACES = ("pending", "available")


@stripe_group.command("balance")
@json_option
@click.pass_context
def balance(context: click.Context, *, as_json: bool) -> None:
    """Ask Stripe for its balance and compare; exit with 1 when something is not explained."""
    parts = current_parts()
    found = compare_balance(parts.engine, stripe=parts.providers.stripe, now=parts.now())
    with parts.engine.connect() as connection:
        assets = ledger.assets(connection)

    def shown(amount: int, currency: str) -> str:
        asset = assets.get(currency)
        return str(amount) if as_json or asset is None else asset.display(amount)

    rows = [
        {
            "currency": comparison.currency,
            "place": place,
            "figure": figure,
            "amount": shown(amount, comparison.currency),
        }
        for comparison in found
        for place in _PLACES
        for figure, amount in _figures(comparison, place)
    ]
    print_rows(rows, as_json=as_json, empty="Stripe holds nothing for us.", right=("amount",))
    if not all(comparison.agrees for comparison in found):
        context.exit(1)


@stripe_group.command("poll")
@WAIT
@reference_option
@dry_run_option
@json_option
def poll(*, wait: bool, reference: str | None, as_json: bool) -> None:
    """Have Stripe asked about every card payment that waits: when its webhooks do not come."""
    ask(provider=STRIPE, payment_id=None, reference=reference, wait=wait, as_json=as_json)


def _figures(comparison: Comparison, place: str) -> list[tuple[str, int]]:
    """Return from Stripe's figure and ours to what is left, with all that is between them."""
    between = [(_described(known), getattr(known, place)) for known in comparison.in_flight]
    return [
        ("Stripe", getattr(comparison.stripe, place)),
        ("ledger", getattr(comparison.ledger, place)),
        *[(reason, amount) for reason, amount in between if amount],
        ("unexplained", getattr(comparison.unexplained, place)),
    ]


def _described(known: InFlight) -> str:
    count = f"{known.transactions} since {known.since:%Y-%m-%d %H:%M} UTC"
    return f"in flight: {known.reason} ({count})"
