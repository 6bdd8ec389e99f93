"""`strongroom find`: search by anything."""

from dataclasses import asdict

import click
from flask.cli import with_appcontext

from payments.database import in_transaction
from payments.search.find import find as find_things
from web.commands.output import json_option, print_json, print_rows
from web.console_links import link_to
from web.parts import current_parts


@click.command()
@click.argument("text")
@json_option
@with_appcontext
def find(*, text: str, as_json: bool) -> None:
    """Find a thing by its id, a reference, an e-mail, a provider's id, a hash, an address."""
    parts = current_parts()
    findings = in_transaction(
        parts.engine,
        lambda session: find_things(session, text=text, cipher=parts.cipher, people=True),
    )
    if as_json:
        print_json([asdict(found) | {"link": link_to(found)} for found in findings.items])
        return
    print_rows(
        [
            {
                "kind": found.kind,
                "id": found.id,
                "state": found.state,
                "amount": None if found.amount is None else f"{found.amount} {found.asset}",
                "by": found.by,
                "what": found.title,
            }
            for found in findings.items
        ],
        as_json=False,
        empty="Nothing is known by that.",
        right=("amount",),
    )
