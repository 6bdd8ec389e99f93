"""`strongroom pending`: what waits longer than usual, and asking providers about it."""

from dataclasses import asdict
from typing import Any

import click
from flask.cli import AppGroup

from payments.database import in_transaction
from payments.pending.list_pending import Pending, list_pending
from payments.pending.request_ask import read_ask
from payments.pending.usual import KINDS
from web.commands.asks import WAIT, ask, print_ask
from web.commands.output import json_option, print_json, print_rows
from web.commands.people import reference_option
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

pending = AppGroup("pending", help="What waits longer than usual, and asking providers about it.")

_HOUR_S, _MINUTE_S = 3600, 60
_ERROR_WIDTH = 60


@pending.command("list")
@click.option("--kind", type=click.Choice(KINDS))
@click.option("--payment", "payment_id", help="Only what waits of this payment.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_waiting(*, kind: str | None, payment_id: str | None, limit: int, as_json: bool) -> None:
    """List what waits longer than usual, the oldest first, and what would move it."""
    parts = current_parts()
    found = in_transaction(
        parts.engine,
        lambda session: list_pending(
            session, now=parts.now(), limit=limit, kind=kind, payment_id=payment_id
        ),
    )
    if as_json:
        print_json({"data": [asdict(one) for one in found.data], "counts": found.counts})
        return
    print_rows(
        [_short(one) for one in found.data],
        as_json=False,
        empty="Nothing waits longer than usual.",
        right=("age",),
    )
    for reason, moves in sorted({one.reason: one.moves for one in found.data}.items()):
        click.echo(f"{reason}: {moves}")


@pending.command("ask")
@click.argument("payment_id", required=False)
@click.option("--provider", help="Instead of a payment: all that wait there, such as truelayer.")
@WAIT
@reference_option
@dry_run_option
@json_option
def ask_provider(
    *,
    payment_id: str | None,
    provider: str | None,
    wait: bool,
    reference: str | None,
    as_json: bool,
) -> None:
    """Have the provider asked about a payment now, or about all that wait there."""
    if (payment_id is None) == (provider is None):
        raise click.UsageError("Name a payment, or a provider by --provider.")
    ask(
        provider=provider or "",
        payment_id=payment_id,
        reference=reference,
        wait=wait,
        as_json=as_json,
    )


@pending.command("show-ask")
@click.argument("ask_id")
@json_option
def show_ask(*, ask_id: str, as_json: bool) -> None:
    """Say how far an ask is, and how many payments moved by it."""
    found = in_transaction(current_parts().engine, lambda session: read_ask(session, ask_id))
    print_ask(found, as_json=as_json)


def _short(one: Pending) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "id": one.id,
        "state": one.state,
        "provider": one.provider,
        "age": _age(one.age_s),
        "reason": one.reason,
        "next": one.due_at,
        "error": one.error and one.error[:_ERROR_WIDTH],
    }


def _age(age_s: int) -> str:
    hours, rest = divmod(age_s, _HOUR_S)
    minutes, seconds = divmod(rest, _MINUTE_S)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
