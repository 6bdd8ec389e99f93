"""`strongroom bank`: money that was paid by bank, and is missed."""

import datetime as dt
from dataclasses import asdict

import click
from flask.cli import AppGroup

from payments.bank_search.find_money import Missed, find_money
from payments.database import in_transaction
from web.commands.output import json_option, print_json, print_rows
from web.parts import current_parts

bank = AppGroup("bank", help="Find money that was paid by bank.")
_DAY = click.DateTime(["%Y-%m-%d"])


@bank.command("find")
@click.option("--reference", help="As the payer wrote it, mistakes included.")
@click.option("--amount", type=int, help="In minor units, whichever way it went.")
@click.option("--currency", help="Such as EUR.")
@click.option("--name", help="A part of the payer's name, or of the text.")
@click.option("--from", "from_day", type=_DAY, help="First day; default: 30 days before the last.")
@click.option("--to", "to_day", type=_DAY, help="Last day; default: tomorrow.")
@json_option
def find(
    *,
    reference: str | None,
    amount: int | None,
    currency: str | None,
    name: str | None,
    from_day: dt.datetime | None,
    to_day: dt.datetime | None,
    as_json: bool,
) -> None:
    """Look through lines, receipts and open payments, the likeliest first."""
    parts = current_parts()
    missed = Missed(
        reference=reference,
        amount=amount,
        currency=currency,
        name=name,
        from_day=from_day.date() if from_day else None,
        to_day=to_day.date() if to_day else None,
    )
    found = in_transaction(
        parts.engine,
        lambda session: find_money(session, missed=missed, cipher=parts.cipher, now=parts.now()),
    )
    if as_json:
        print_json([asdict(one) for one in found.items])
        return
    print_rows(
        [
            {
                "what": one.kind,
                "id": one.id,
                "day": one.on_day,
                "amount": f"{one.amount} {one.currency}",
                "state": one.state,
                "reference": one.reference,
                "alike": one.likeness,
                "fits": list(one.fits),
                "payment": one.payment_id,
                "name": one.details.name if one.details else None,
            }
            for one in found.items
        ],
        as_json=False,
        empty=f"Nothing from {found.from_day} to {found.to_day}: widen the days with --from, --to.",
        right=("amount", "alike"),
    )
