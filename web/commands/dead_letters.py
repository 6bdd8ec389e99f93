"""`strongroom dead-letters`: what is not tried any more, trying it again, or giving it up."""

from dataclasses import asdict

import click
from flask.cli import AppGroup

from payments.access.caller import Role
from payments.database import in_transaction
from payments.dead_letters.discard_dead import discard_dead
from payments.dead_letters.inspect_dead import inspect_dead
from payments.dead_letters.letters import KINDS
from payments.dead_letters.list_dead import list_dead
from payments.dead_letters.replay_dead import WantedLetters, replay_dead
from web.commands.output import json_option, print_json, print_rows, print_told
from web.commands.people import command_line, new_reference, reference_option
from web.commands.rehearsal import dry_run_option
from web.parts import current_parts

dead_letters = AppGroup(
    "dead-letters", help="Events, jobs and notices that are not tried any more."
)

_SHOWN = ("id", "what", "source", "about", "attempts", "died_at", "error")
_ACT = ("id", "kind", "accepted", "skipped", "reason", "requested_by", "created_at")
_ERROR_WIDTH = 80


@dead_letters.command("list")
@click.option("--kind", type=click.Choice(KINDS))
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--discarded", is_flag=True, help="Instead: those that were given up for good.")
@json_option
def list_all(*, kind: str | None, limit: int, discarded: bool, as_json: bool) -> None:
    """List dead letters: events, jobs, notices; each newest first, without what is inside."""
    page = in_transaction(
        current_parts().engine,
        lambda session: list_dead(session, limit=limit, kind=kind, discarded=discarded),
    )
    if as_json:
        print_json({"data": [asdict(one) for one in page.data], "counts": page.counts})
        return
    rows = [{name: getattr(one, name) for name in _SHOWN} for one in page.data]
    for row, letter in zip(rows, page.data, strict=True):
        if letter.discarded is not None:
            row |= {"discarded_by": letter.discarded.by, "reason": letter.discarded.reason}
        row["error"] = (row["error"] or "-")[:_ERROR_WIDTH]
    empty = "None was discarded." if discarded else "There are no dead letters."
    print_rows(rows, as_json=False, empty=empty, right=("attempts",))
    for hint in sorted({one.hint for one in page.data if one.hint}):
        click.echo(hint)


@dead_letters.command("show")
@click.argument("letter_id")
@click.option("--reason", required=True, help="Why you look into it; it stays written down.")
@json_option
def show(*, letter_id: str, reason: str, as_json: bool) -> None:
    """Show what is inside of a dead letter, with all masked that may be about somebody."""
    parts = current_parts()
    found = in_transaction(
        parts.engine,
        lambda session: inspect_dead(
            session, letter_id=letter_id, reason=reason, cipher=parts.cipher
        ),
    )
    if as_json:
        print_json({"letter": asdict(found.letter), "content": found.content})
        return
    for name, value in asdict(found.letter).items():
        click.echo(f"{name}: {'-' if value is None else value}")
    print_json(found.content)


@dead_letters.command("replay")
@click.argument("ids", nargs=-1)
@click.option("--all", "all_of_kind", is_flag=True, help="Instead of ids: all of a kind.")
@click.option("--kind", required=True, type=click.Choice(KINDS))
@click.option("--reason", required=True, help="Why it will work now; it stays written down.")
@reference_option
@dry_run_option
@json_option
def replay(
    *,
    ids: tuple[str, ...],
    all_of_kind: bool,
    kind: str,
    reason: str,
    reference: str | None,
    as_json: bool,
) -> None:
    """Have dead letters tried again: some by their ids, or all of a kind. Effects happen once."""
    if bool(ids) == all_of_kind:
        raise click.UsageError("Name dead letters by their ids, or say --all.")
    parts = current_parts()
    made = in_transaction(
        parts.engine,
        lambda session: replay_dead(
            session,
            caller=command_line(Role.OPERATOR),
            reference=reference or new_reference(),
            wanted=WantedLetters(kind, ids or None),
            reason=reason,
            now=parts.now(),
        ),
    ).resource
    print_told(
        f"{made.id}: {made.accepted} of the kind {kind} are tried again, {made.skipped} cannot"
        " be or live already.",
        {name: getattr(made, name) for name in _ACT},
        as_json=as_json,
    )


@dead_letters.command("discard")
@click.argument("ids", nargs=-1, required=True)
@click.option("--kind", required=True, type=click.Choice(KINDS))
@click.option("--reason", required=True, help="Why nothing is ever done about it; it is kept.")
@reference_option
@dry_run_option
@json_option
def discard(
    *, ids: tuple[str, ...], kind: str, reason: str, reference: str | None, as_json: bool
) -> None:
    """Give dead letters up for good, by their ids: they are kept, and in no alert any more."""
    parts = current_parts()
    made = in_transaction(
        parts.engine,
        lambda session: discard_dead(
            session,
            caller=command_line(Role.OPERATOR),
            reference=reference or new_reference(),
            kind=kind,
            ids=ids,
            reason=reason,
            now=parts.now(),
        ),
    ).resource
    print_told(
        f"{made.id}: {made.accepted} of the kind {kind} are discarded, {made.skipped} live or"
        " were before.",
        {name: getattr(made, name) for name in _ACT},
        as_json=as_json,
    )
