"""`strongroom payouts`: what sellers were paid, what failed, and having that made again."""

from typing import Any

import click
from flask.cli import AppGroup

from payments.access.caller import Role
from payments.database import in_transaction
from payments.payouts.failures import message_of
from payments.payouts.read_payouts import STATUSES, PayoutView, list_payouts, read_payout
from payments.payouts.retry_payout import retry_payout
from web.commands.output import json_option, print_json, print_rows, print_told
from web.commands.people import command_line, new_reference, reason_option, reference_option
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

payouts = AppGroup("payouts", help="What sellers were paid; make again what failed.")

_STANDING = {
    "waiting": "waits until the seller has a destination in force.",
    "queued": "is sent now.",
}


@payouts.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only those that stand so.")
@click.option("--seller", "seller_id", help="Only those of a seller.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_newest(*, status: str | None, seller_id: str | None, limit: int, as_json: bool) -> None:
    """List payouts, newest first, and what the failures among them mean."""
    page = in_transaction(
        current_parts().engine,
        lambda session: list_payouts(
            session,
            caller=command_line(Role.FINANCE),
            seller_id=seller_id,
            status=status,
            limit=limit,
        ),
    )
    if as_json:
        print_json([payout.as_json() for payout in page.data])
        return
    rows = [_row(payout) for payout in page.data]
    print_rows(rows, as_json=False, empty="There are no such payouts.", right=("amount", "paid"))
    for code in sorted({payout.failure_code for payout in page.data if payout.failure_code}):
        click.echo(f"{code}: {message_of(code)}")
    if page.next is not None:
        click.echo("There are more: --limit.", err=True)


@payouts.command("show")
@click.argument("payout_id")
@json_option
def show(*, payout_id: str, as_json: bool) -> None:
    """Show where a payout stands: to which destination, and why it failed if it did."""
    payout = in_transaction(
        current_parts().engine,
        lambda session: read_payout(
            session, caller=command_line(Role.FINANCE), payout_id=payout_id
        ),
    )
    if as_json:
        print_json(payout.as_json())
        return
    for name, value in payout.as_json().items():
        click.echo(f"{name}: {_text(value)}")


@payouts.command("retry")
@click.argument("payout_id")
@reason_option
@reference_option
@dry_run_option
@json_option
def retry(*, payout_id: str, reference: str | None, as_json: bool) -> None:
    """Have a payout that failed made again, to the destination that is in force by then."""
    parts = current_parts()
    answered = in_transaction(
        parts.engine,
        lambda session: retry_payout(
            session,
            caller=command_line(Role.FINANCE),
            reference=reference or new_reference(),
            payout_id=payout_id,
            now=parts.now(),
        ),
    )
    payout = answered.resource
    owed = f"{payout.amount - payout.amount_paid} {payout.currency}"
    told = f"{payout.id}: {owed} {_STANDING.get(payout.status, f'is {payout.status}.')}"
    if answered.replayed:
        told = f"{payout.id} was asked for with this reference before; it is {payout.status}."
    print_told(told, payout.as_json(), as_json=as_json)


def _row(payout: PayoutView) -> dict[str, Any]:
    return {
        "id": payout.id,
        "order_id": payout.order_id,
        "seller_id": payout.seller_id,
        "by": payout.provider,
        "to": payout.destination and payout.destination.hint,
        "amount": str(payout.amount),
        "paid": str(payout.amount_paid),
        "currency": payout.currency,
        "status": payout.status,
        "failure": payout.failure_code,
        "updated_at": payout.updated_at,
    }


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(str(one) for one in value.values())
    return "-" if value is None else str(value)
