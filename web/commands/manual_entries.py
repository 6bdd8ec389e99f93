"""`strongroom ledger entries`, `post-entry`, `approve-entry`, `reject-entry`, `reverse-entry`.

Posting takes two: who runs the commands counts as one person, by the name they are logged in with.
"""

import datetime as dt
import hashlib
import re
from pathlib import Path

import click
from flask.cli import with_appcontext

import ledger
from ledger import Asset, JournalLine
from payments.access.caller import Role
from payments.database import in_transaction
from payments.manual_entries import decide_entry
from payments.manual_entries.new_entry import NewEntry
from payments.manual_entries.read_entries import STATUSES, list_entries, read_entry
from payments.manual_entries.request_entry import request_entry
from payments.manual_entries.request_reversal import request_reversal
from payments.manual_entries.view import EntryView
from web.commands.output import json_option, print_json, print_rows
from web.commands.people import new_reference, reference_option, who_runs_it
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

_LINE = re.compile(r"(?P<account>\S+) (?P<amount>\d+(\.\d+)?) (?P<asset>[A-Z0-9]+)")
_DAY = click.DateTime(formats=["%Y-%m-%d"])
_NAME = re.compile(r"jrn_[0-9A-Za-z]{1,64}|[1-9][0-9]{0,17}")


@click.command()
@click.argument("entry", required=False)
@click.option("--status", type=click.Choice(STATUSES), help="Only those that stand so.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
@with_appcontext
def entries(*, entry: str | None, status: str | None, limit: int, as_json: bool) -> None:
    """List the entries by hand, newest first; or show one, or any of the journal by its number."""
    engine = current_parts().engine
    if entry is not None:
        name = _name(entry)
        _print(in_transaction(engine, lambda session: read_entry(session, name)), as_json=as_json)
        return
    page = in_transaction(engine, lambda session: list_entries(session, status=status, limit=limit))
    rows = [
        {
            "id": one.id,
            "status": one.status,
            "kind": one.kind,
            "effective_on": one.occurred_at.date(),
            "entry_id": one.entry_id,
            "requested_by": one.asked.requested_by if one.asked else None,
            "decided_by": one.asked.decided_by if one.asked else None,
            "reason": one.description,
        }
        for one in page.data
    ]
    print_rows(rows, as_json=as_json, empty="There are no such entries.")


@click.command("post-entry")
@click.option("--debit", "debits", multiple=True, metavar="'ACCOUNT AMOUNT ASSET'", required=True)
@click.option(
    "--credit", "credits_", multiple=True, metavar="'ACCOUNT AMOUNT ASSET'", required=True
)
@click.option("--on", "effective_on", type=_DAY, required=True, help="The day it is of.")
@click.option("--reason", required=True, help="Why; it stays written down.")
@click.option("--reverse-on", type=_DAY, help="The day on which it is undone by itself.")
@click.option(
    "--attachment",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What proves it; its SHA-256 is kept, you keep the file.",
)
@reference_option
@json_option
@dry_run_option
@with_appcontext
def post_entry(
    *,
    debits: tuple[str, ...],
    credits_: tuple[str, ...],
    effective_on: dt.datetime,
    reason: str,
    reverse_on: dt.datetime | None,
    attachment: Path | None,
    reference: str | None,
    as_json: bool,
) -> None:
    """Ask for an entry; amounts as people write them, such as 'expenses:rent 1200.00 EUR'."""
    parts, caller = current_parts(), who_runs_it(Role.FINANCE)
    with parts.engine.connect() as connection:
        assets = ledger.assets(connection)
    asked = NewEntry(
        effective_on=effective_on.date(),
        reason=reason,
        lines=(
            *(_line(text, assets, sign=1) for text in debits),
            *(_line(text, assets, sign=-1) for text in credits_),
        ),
        attachment_sha256=(
            None if attachment is None else hashlib.sha256(attachment.read_bytes()).digest()
        ),
        auto_reverse_on=None if reverse_on is None else reverse_on.date(),
    )
    answered = in_transaction(
        parts.engine,
        lambda session: request_entry(
            session,
            caller=caller,
            reference=reference or new_reference(),
            asked=asked,
            now=parts.now(),
        ),
    )
    _print(answered.resource, as_json=as_json)


@click.command("approve-entry")
@click.argument("entry_id", metavar="jrn_…")
@reference_option
@json_option
@dry_run_option
@with_appcontext
def approve_entry(*, entry_id: str, reference: str | None, as_json: bool) -> None:
    """Agree to what somebody else asked for: it is posted."""
    parts = current_parts()
    answered = decide_entry.approve_entry(
        parts.engine,
        caller=who_runs_it(Role.FINANCE),
        reference=reference or new_reference(),
        entry_id=entry_id,
        now=parts.now(),
    )
    _print(answered.resource, as_json=as_json)


@click.command("reject-entry")
@click.argument("entry_id", metavar="jrn_…")
@click.option("--reason", required=True, help="Why; it stays written down.")
@reference_option
@json_option
@dry_run_option
@with_appcontext
def reject_entry(*, entry_id: str, reason: str, reference: str | None, as_json: bool) -> None:
    """Say no to what somebody else asked for."""
    parts = current_parts()
    answered = decide_entry.reject_entry(
        parts.engine,
        caller=who_runs_it(Role.FINANCE),
        reference=reference or new_reference(),
        entry_id=entry_id,
        reason=reason,
        now=parts.now(),
    )
    _print(answered.resource, as_json=as_json)


@click.command("reverse-entry")
@click.argument("entry", metavar="jrn_…|NUMBER")
@click.option("--reason", required=True, help="Why; it stays written down.")
@click.option("--on", "effective_on", type=_DAY, help="The day it is of; today if left out.")
@reference_option
@json_option
@dry_run_option
@with_appcontext
def reverse_entry(
    *,
    entry: str,
    reason: str,
    effective_on: dt.datetime | None,
    reference: str | None,
    as_json: bool,
) -> None:
    """Ask for the mirror of an entry by hand; somebody else must approve it."""
    parts, caller, name = current_parts(), who_runs_it(Role.FINANCE), _name(entry)
    answered = in_transaction(
        parts.engine,
        lambda session: request_reversal(
            session,
            caller=caller,
            reference=reference or new_reference(),
            name=name,
            reason=reason,
            effective_on=None if effective_on is None else effective_on.date(),
            now=parts.now(),
        ),
    )
    _print(answered.resource, as_json=as_json)


def _line(text: str, assets: dict[str, Asset], *, sign: int) -> JournalLine:
    """Read `expenses:rent 1200.00 EUR` into minor units, exactly."""
    found = _LINE.fullmatch(text.strip())
    asset = assets.get(found["asset"]) if found else None
    if found is None or asset is None:
        raise click.BadParameter(f"{text!r} is no line; write it as 'expenses:rent 1200.00 EUR'.")
    whole, _, part = found["amount"].partition(".")
    if len(part) > asset.exponent:
        raise click.BadParameter(f"{text!r}: {asset.code} has {asset.exponent} decimals.")
    amount = int(whole + part.ljust(asset.exponent, "0"))
    return JournalLine(found["account"], asset.code, sign * amount)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise click.BadParameter(f"{text!r} is no entry; write jrn_… or its number.")
    return text


def _print(entry: EntryView, *, as_json: bool) -> None:
    if as_json:
        print_json(entry.as_json())
        return
    told = {
        "requested": "waits for somebody else: strongroom ledger approve-entry",
        "posted": f"is posted as entry {entry.entry_id}",
        "rejected": f"is rejected: {entry.asked.refusal if entry.asked else ''}",
        "refused": f"was refused by the ledger: {entry.asked.refusal if entry.asked else ''}",
    }
    name = entry.id or f"Entry {entry.entry_id}"
    click.echo(f"{name} {told[entry.status]}.")
    with current_parts().engine.connect() as connection:
        assets = ledger.assets(connection)
    rows = [
        {
            "account": line.path,
            "asset": line.asset,
            "debit": assets[line.asset].display(line.amount) if line.amount > 0 else "",
            "credit": assets[line.asset].display(-line.amount) if line.amount < 0 else "",
        }
        for line in entry.lines
    ]
    print_rows(rows, as_json=False, empty="", right=("debit", "credit"))
