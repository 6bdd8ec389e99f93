"""`strongroom reconcile`: runs, what nothing explains, and what does not agree."""

import datetime as dt
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import click
from flask.cli import AppGroup

import ledger
from payments.access.caller import Role
from payments.database import in_transaction
from payments.errors import NotFoundError
from payments.reconciliation.request_run import (
    DATE_WINDOW_DAYS,
    WIDEST_WINDOW_DAYS,
    list_runs,
    read_run,
    request_run,
    run_as_event,
)
from payments.reconciliation.settle_finding import KINDS as FINDING_KINDS
from payments.reconciliation.settle_finding import STATES, list_findings
from payments.reconciliation.tables import Finding, ReconciliationRun
from payments.reconciliation.unmatched import KINDS, UnmatchedItem, Wanted, list_unmatched
from web.commands.output import json_option, print_json, print_rows
from web.commands.people import command_line, new_reference, reference_option
from web.parts import current_parts

reconcile = AppGroup(
    "reconcile", help="Bring statements and books together, and show what does not agree."
)

_LOOK_AGAIN_S = 0.3
_TEXT_WIDTH = 44
_WORDS = {
    "expectations_read": "movements read from the ledger",
    "payments_looked_up": "payments asked about at their provider",
    "opening_balances": "opening balances booked",
    "lines_received": "lines taken in as payments",
    "lines_matched": "lines matched",
    "lines_suspended": "lines put into suspense",
    "findings_new": "new findings",
    "findings_over": "findings that are over",
    "findings_open": "findings open now",
    "providers_silent": "providers that did not answer",
}

Show = Callable[[int | None, str | None], str | None]


@reconcile.command("run")
@click.option(
    "--window",
    default=DATE_WINDOW_DAYS,
    show_default=True,
    type=click.IntRange(0, WIDEST_WINDOW_DAYS),
    help="Days that a line may lie from what it is, where no reference ties the two.",
)
@reference_option
@click.option("--follow/--no-follow", default=True, help="Wait until the worker has made it.")
@json_option
def run(*, window: int, reference: str | None, follow: bool, as_json: bool) -> None:
    """Have the worker make a run, and say what came of it."""
    parts = current_parts()
    answered = in_transaction(
        parts.engine,
        lambda session: request_run(
            session,
            caller=command_line(Role.FINANCE),
            reference=reference or new_reference(),
            date_window_days=window,
            now=parts.now(),
            request_id=None,
        ),
    )
    found = answered.resource
    if follow:
        found = _follow(found.id, is_quiet=as_json)
    _print_run(found, as_json=as_json)


@reconcile.command("show")
@click.argument("run_id", required=False)
@json_option
def show(*, run_id: str | None, as_json: bool) -> None:
    """Say how far a run has come: the last one, if none is named."""
    if run_id is not None:
        _print_run(_read(run_id), as_json=as_json)
        return
    page = in_transaction(current_parts().engine, lambda session: list_runs(session, limit=1))
    if not page.data:
        raise NotFoundError("No run was made yet: strongroom reconcile run")
    _print_run(page.data[0], as_json=as_json)


@reconcile.command("unmatched")
@click.option("--kind", type=click.Choice(KINDS))
@click.option("--reference", help="A transfer's, however it is written, or an id of something.")
@click.option("--amount", type=int, help="In minor units, whatever its sign.")
@click.option("--name", help="Part of a name, an account or a text.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def unmatched(*, limit: int, as_json: bool, **wanted: Any) -> None:
    """List what nothing explains, the oldest first."""
    parts = current_parts()
    page = in_transaction(
        parts.engine,
        lambda session: list_unmatched(
            session, Wanted(**wanted), limit=limit, cipher=parts.cipher, now=parts.now()
        ),
    )
    show_amount = _amounts()
    print_rows(
        [asdict(item) if as_json else _unmatched_row(item, show_amount) for item in page.data],
        as_json=as_json,
        empty="Everything is explained.",
        right=("days", "amount"),
    )
    if page.next is not None and not as_json:
        click.echo("\nThere are more: raise --limit, or look for some.")


@reconcile.command("findings")
@click.option("--state", default="open", show_default=True, type=click.Choice([*STATES, "all"]))
@click.option(
    "--kind",
    type=click.Choice(FINDING_KINDS),
    metavar="KIND",
    help=f"One of: {', '.join(FINDING_KINDS)}.",
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def findings(*, state: str, kind: str | None, limit: int, as_json: bool) -> None:
    """List what does not agree, newest first."""
    parts = current_parts()
    page = in_transaction(
        parts.engine,
        lambda session: list_findings(
            session, limit=limit, state=None if state == "all" else state, kind=kind
        ),
    )
    show_amount, now = _amounts(), parts.now()
    rows = [
        _whole(found) if as_json else _finding_row(found, show_amount, now=now)
        for found in page.data
    ]
    print_rows(
        rows, as_json=as_json, empty="Everything agrees.", right=("days", "found", "expected")
    )


def _read(run_id: str) -> ReconciliationRun:
    return in_transaction(current_parts().engine, lambda session: read_run(session, run_id))


def _follow(run_id: str, *, is_quiet: bool) -> ReconciliationRun:
    """Look again until the run is over; say each phase on standard error."""
    told, pause = None, threading.Event()
    while True:
        found = _read(run_id)
        phase = found.phase or found.status
        if phase != told and not is_quiet and found.finished_at is None:
            steps = f" {found.steps_total} lines" if found.steps_total else ""
            click.echo(f"{phase}{steps} …", err=True)
            told = phase
        if found.finished_at is not None:
            return found
        pause.wait(_LOOK_AGAIN_S)


def _print_run(found: ReconciliationRun, *, as_json: bool) -> None:
    if as_json:
        print_json(run_as_event(found))
        return
    took = ""
    if found.finished_at is not None and found.started_at is not None:
        took = f" in {(found.finished_at - found.started_at).total_seconds():.1f} s"
    phase = f", {found.phase} {found.steps_done} of {found.steps_total}" if found.phase else ""
    click.echo(f"{found.id} is {found.status}{took}{phase}.")
    if found.error is not None:
        click.echo(f"It failed: {found.error}")
    rows = [
        {"figure": words, "count": found.figures[name]}
        for name, words in _worded(found.figures).items()
    ]
    if rows:
        click.echo("")
        print_rows(rows, as_json=False, empty="", right=("count",))


def _worded(figures: Mapping[str, int]) -> dict[str, str]:
    """Return the figures' names in the order of a run, each in words."""
    worded = {}
    for name, words in _WORDS.items():
        if name in figures:
            worded[name] = words
        if name == "lines_matched":
            rules = sorted(rule for rule in figures if rule.startswith("by_"))
            worded |= {rule: f"  {rule.replace('_', ' ')}" for rule in rules}
    return worded


def _amounts() -> Show:
    """Return what writes amounts as people do: 12345 USD is 123.45."""
    with current_parts().engine.connect() as connection:
        assets = ledger.assets(connection)

    def show_amount(amount: int | None, currency: str | None) -> str | None:
        if amount is None or currency is None or currency not in assets:
            return None if amount is None else str(amount)
        return assets[currency].display(amount)

    return show_amount


def _unmatched_row(item: UnmatchedItem, show_amount: Show) -> dict[str, Any]:
    told = item.payment_id or item.provider_ref or ""
    if item.details is not None:
        told = " · ".join(filter(None, (item.details.name, item.details.text.replace("\n", " "))))
    return {
        "id": item.id,
        "kind": item.kind,
        "booked": item.booked_on,
        "days": item.age_days,
        "amount": show_amount(item.amount, item.currency),
        "currency": item.currency,
        "reason": item.reason,
        "about": _short(told),
    }


def _finding_row(found: Finding, show_amount: Show, *, now: dt.datetime) -> dict[str, Any]:
    return {
        "id": found.id,
        "kind": found.kind,
        "days": (now - found.first_seen_at).days,
        "found": show_amount(found.amount, found.currency),
        "expected": show_amount(found.expected, found.currency),
        "currency": found.currency,
        "owner": found.owner,
        "detail": found.detail if found.resolution is None else f"settled: {found.resolution}",
    }


def _whole(found: Finding) -> dict[str, Any]:
    return {column.name: getattr(found, column.name) for column in Finding.__table__.columns}


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_WIDTH else f"{text[: _TEXT_WIDTH - 1]}…"
