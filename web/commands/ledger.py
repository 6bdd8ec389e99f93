"""`strongroom ledger`: proving, sealing, closing and reading the ledger."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

import ledger
from payments import invariants as payment_invariants
from payments.periods.kept_reports import differing_reports
from web.commands import manual_entries, periods
from web.commands.ledger_reports import broken_manifests, export, report
from web.commands.mappings import mappings
from web.commands.output import json_option, print_json, print_rows, print_told
from web.parts import current_parts

ledger_group = AppGroup("ledger", help="Prove, seal, close and read the ledger.")
ledger_group.add_command(report)
ledger_group.add_command(export)
ledger_group.add_command(mappings)
for _command in (
    *(periods.periods, periods.close_period, periods.reopen_period),
    *(manual_entries.entries, manual_entries.post_entry, manual_entries.reverse_entry),
    *(manual_entries.approve_entry, manual_entries.reject_entry),
):
    ledger_group.add_command(_command)


@ledger_group.command()
@click.option(
    "--anchor",
    metavar="NUMBER:HASH",
    help="A seal noted down outside the database, as `ledger seal` prints it.",
)
@click.option(
    "--manifest",
    "manifests",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Of a report's file: the report is made again, and must be the same.",
)
@json_option
@click.pass_context
def verify(
    context: click.Context, *, anchor: str | None, manifests: tuple[Path, ...], as_json: bool
) -> None:
    """Prove that nothing was changed behind our back; exit with 1 when it was.

    The chain of seals is computed again, and the reports of closed months are made again.
    """
    with current_parts().engine.connect() as connection:
        broken = [
            {"seal": seal.number, "reason": seal.reason}
            for seal in ledger.broken_seals(connection, anchor=_anchor(anchor))
        ]
        last = ledger.last_seal(connection)
    sound = "Nothing is sealed yet; `strongroom ledger seal` does it."
    if last is not None:
        sound = f"Every seal fits the journal: {last.number}, up to entry {last.upto_entry}."
    kept = [dataclasses.asdict(found) for found in differing_reports(current_parts().engine)]
    differing = broken_manifests(manifests)
    if as_json:
        print_json([*broken, *kept, *differing])
    else:
        print_rows(broken, as_json=False, empty=sound)
        print_rows(kept, as_json=False, empty="Every report of a closed month is what it was.")
        if manifests:
            print_rows(differing, as_json=False, empty=f"Manifests that hold: {len(manifests)}.")
    if broken or kept or differing:
        context.exit(1)


@ledger_group.command()
@json_option
def seal(*, as_json: bool) -> None:
    """Seal what is settled, and print the newest seal to note down."""
    engine = current_parts().engine
    entries = ledger.seal(engine)
    with engine.connect() as connection:
        last = ledger.last_seal(connection)
    newest = f"{last.number}:{last.chain_hash.hex()}" if last else None
    print_told(
        f"Entries sealed: {entries}. Newest seal, to be noted elsewhere: {newest or '-'}",
        {"entries": entries, "anchor": newest},
        as_json=as_json,
    )


@ledger_group.command("trial-balance")
@json_option
def trial_balance(*, as_json: bool) -> None:
    """Print every account's balance; debits and credits of each asset must be equal."""
    with current_parts().engine.connect() as connection:
        balances = ledger.trial_balance(connection)
    rows = [_balance_row(row, as_json=as_json) for row in balances]
    if not as_json:
        rows += _sums(balances)
    print_rows(
        rows, as_json=as_json, empty="Nothing was posted yet.", right=("debit", "credit", "held")
    )


@ledger_group.command()
@json_option
@click.pass_context
def invariants(context: click.Context, *, as_json: bool) -> None:
    """Prove every invariant of ledger and payments; exit with 1 when one does not hold."""
    with current_parts().engine.connect() as connection:
        broken = [
            {"invariant": found.name, "rows": [str(row) for row in found.rows]}
            for found in (
                *ledger.broken_invariants(connection),
                *payment_invariants.broken_invariants(connection),
            )
        ]
    print_rows(broken, as_json=as_json, empty="Every invariant holds.")
    if broken:
        context.exit(1)


def _balance_row(row: ledger.AccountBalance, *, as_json: bool) -> dict[str, Any]:
    def shown(amount: int) -> str:
        return str(amount) if as_json else row.asset.display(amount)

    return {
        "path": row.path,
        "asset": row.asset.code,
        "debit": shown(max(row.balance, 0)),
        "credit": shown(max(-row.balance, 0)),
        "held": shown(row.held),
    }


def _sums(balances: Sequence[ledger.AccountBalance]) -> list[dict[str, Any]]:
    """Return the bottom line of each asset."""
    assets = {row.asset.code: row.asset for row in balances}
    return [
        {
            "path": "sum",
            "asset": code,
            "debit": asset.display(sum(max(r.balance, 0) for r in balances if r.asset == asset)),
            "credit": asset.display(sum(max(-r.balance, 0) for r in balances if r.asset == asset)),
            "held": asset.display(sum(r.held for r in balances if r.asset == asset)),
        }
        for code, asset in sorted(assets.items())
    ]


def _anchor(text: str | None) -> tuple[int, bytes] | None:
    if text is None:
        return None
    number, _, chain_hash = text.partition(":")
    try:
        return int(number), bytes.fromhex(chain_hash)
    except ValueError:
        raise click.BadParameter("An anchor reads NUMBER:HASH.") from None
