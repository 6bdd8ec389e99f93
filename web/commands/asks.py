"""How commands have providers asked: written down, made here or by a job, and told."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from payments.access.caller import Role
from payments.database import in_transaction, is_rehearsal
from payments.pending.request_ask import ask_about_all, ask_about_payment, read_ask
from payments.pending.run_ask import take_step
from payments.pending.tables import ProviderAsk
from payments.providers.stripe.intent_facts import PROVIDER as STRIPE
from web.commands.output import print_json
from web.commands.people import command_line, new_reference
from web.parts import Parts, current_parts

WAIT = click.option("--wait", is_flag=True, help="Ask here and now, and show progress.")
_SHOWN = (
    "id",
    "provider",
    "payment_id",
    "status",
    "accepted",
    "asked",
    "changed",
    "error",
    "requested_by",
    "created_at",
    "finished_at",
)


def ask(
    *, provider: str, payment_id: str | None, reference: str | None, wait: bool, as_json: bool
) -> None:
    """Have a provider asked about a payment, or about all that wait there, and tell how far it is.

    Raises:
        UnavailableError: with `wait`, the provider did not answer; a job goes on.
    """
    parts, now = current_parts(), current_parts().now()
    known: dict[str, Any] = {
        "caller": command_line(Role.OPERATOR),
        "reference": reference or new_reference(),
        "providers": {STRIPE, *parts.providers.banks},
        "now": now,
        "request_id": None,
    }
    made = in_transaction(
        parts.engine,
        lambda session: (
            (
                ask_about_all(session, provider=provider, **known)
                if payment_id is None
                else ask_about_payment(session, payment_id=payment_id, **known)
            ).resource
        ),
    )
    if wait and not is_rehearsal():
        made = _make(parts, made, shows=not as_json)
    print_ask(made, as_json=as_json)


def print_ask(made: ProviderAsk, *, as_json: bool) -> None:
    """Print an ask as far as it is."""
    if as_json:
        print_json({name: getattr(made, name) for name in _SHOWN})
        return
    click.echo(
        f"{made.id}: {made.provider} {made.status}; {made.asked} of {made.accepted} payments asked"
        f" about, {made.changed} moved."
    )
    if made.error:
        click.echo(made.error)


def _make(parts: Parts, made: ProviderAsk, *, shows: bool) -> ProviderAsk:
    """Ask step by step, beside the job that would; who comes second finds nothing to do."""
    with _progress(made.accepted if shows else 0, f"Asking {made.provider}") as advance:
        done = 0
        goes_on = True
        while goes_on:
            goes_on = take_step(parts.engine, made.id, providers=parts.providers, now=parts.now())
            made = _read(parts, made.id)
            advance(made.asked - done)
            done = made.asked
    return made


@contextmanager
def _progress(length: int, label: str) -> Iterator[Any]:
    if length == 0:
        yield lambda _count: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as progress:
        yield progress.update


def _read(parts: Parts, ask_id: str) -> ProviderAsk:
    return in_transaction(parts.engine, lambda session: read_ask(session, ask_id))
