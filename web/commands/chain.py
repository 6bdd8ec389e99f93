"""`strongroom chain`: who signs, what is sent, and how a frozen signer goes on."""

from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.chain.guarded_signer import NoSigner
from payments.chain.intents import newest_attempt
from payments.chain.send import look
from payments.chain.sending import Sending
from payments.chain.signers import list_addresses, list_signers
from payments.chain.tables import ChainIntent, ChainSigner
from payments.chain.thaw import thaw
from payments.database import in_transaction
from payments.errors import NotFoundError
from web.commands.chain_contracts import contracts
from web.commands.output import json_option, print_json, print_rows
from web.parts import current_parts

chain_group = AppGroup("chain", help="Look after what is sent on chain, and who signs it.")
chain_group.add_command(contracts)

_STATES = ("queued", "signed", "broadcast", "mined", "final", "failed", "canceled")
_OPEN = ("queued", "signed", "broadcast", "mined")


@chain_group.command("signers")
@json_option
def signers(*, as_json: bool) -> None:
    """List whom we sign for, and which of them are frozen."""
    found = in_transaction(current_parts().engine, list_signers)
    print_rows(
        [_signer_row(signer) for signer in found],
        as_json=as_json,
        empty="Nothing was ever sent on a chain from here.",
        right=("next_nonce",),
    )


@chain_group.command("intents")
@click.option("--state", type=click.Choice([*_STATES, "open", "all"]), default="open")
@click.option("--chain", "chain", help="Of one chain alone.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def intents(*, state: str, chain: str | None, limit: int, as_json: bool) -> None:
    """List what is to be sent or was, newest first: those open, unless another state is named."""

    def read(session: Session) -> list[dict[str, Any]]:
        wanted = select(ChainIntent).order_by(ChainIntent.id.desc()).limit(limit)
        if state != "all":
            states = _OPEN if state == "open" else (state,)
            wanted = wanted.where(ChainIntent.state.in_(states))
        if chain is not None:
            wanted = wanted.where(ChainIntent.chain == chain)
        return [_intent_row(session, intent) for intent in session.scalars(wanted)]

    rows = in_transaction(current_parts().engine, read)
    print_rows(
        rows,
        as_json=as_json,
        empty="There is nothing of the kind.",
        right=("nonce", "amount"),
    )


@chain_group.command("thaw-signer")
@click.argument("chain")
@click.option("--operator", help="An earlier operator of the chain, not that of the settings.")
@json_option
def thaw_signer(*, chain: str, operator: str | None, as_json: bool) -> None:
    """Have a chain's frozen signer work again.

    It freezes when a transaction that is none of ours uses its key. Find out who has the key
    before: what they did is not undone by this.
    """
    parts = current_parts()
    if chain not in parts.providers.chains:
        raise NotFoundError(f"There is no chain {chain}.")
    known = in_transaction(parts.engine, lambda session: list_addresses(session, chain=chain))
    if operator is not None and operator not in known:
        raise NotFoundError(f"Nothing was ever signed for {operator} on {chain}.")
    sending = Sending(
        engine=parts.engine,
        chain=parts.settings.chains[chain],
        port=parts.providers.chains[chain],
        signer=NoSigner(),
        cipher=parts.cipher,
        clock=parts.now,
        operator=operator,
    )
    lost = thaw(sending, look(sending))
    if as_json:
        print_json({"chain": chain, "lost": [intent.id for intent in lost]})
        return
    click.echo(f"{sending.address} signs on {chain} again.")
    for intent in lost:
        click.echo(f"{intent.id} ({intent.kind} of {intent.subject_id}) is {intent.state}.")


def _signer_row(signer: ChainSigner) -> dict[str, Any]:
    return {
        "chain": signer.chain,
        "address": signer.address,
        "next_nonce": signer.next_nonce,
        "frozen_at": signer.frozen_at,
        "reason": signer.frozen_reason,
    }


def _intent_row(session: Session, intent: ChainIntent) -> dict[str, Any]:
    attempt = newest_attempt(session, intent)
    return {
        "id": intent.id,
        "chain": intent.chain,
        "kind": intent.kind,
        "for": intent.subject_id,
        "state": intent.state,
        "nonce": intent.nonce,
        "amount": None if intent.asset is None else intent.amount,
        "asset": intent.asset,
        "transaction": attempt and attempt.tx_hash,
        "error": intent.error,
    }
