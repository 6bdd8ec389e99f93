"""Job: send what is queued for the chains, and see what became of what was sent."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jobs.context import JobContext
from payments.chain.guarded_signer import GuardedSigner
from payments.chain.idle import has_work
from payments.chain.send import send
from payments.chain.sending import Sending
from payments.chain.signers import list_with_open_intents
from payments.database import in_transaction
from payments.errors import UnavailableError
from payments.log_lines import get_logger
from payments.providers.chain_port import SignerPort
from payments.providers.evm.addresses import checksum

BEGIN_FOR = dt.timedelta(seconds=60)
"""How long a run begins new things for one operator; the next run goes on."""

_log = get_logger(__name__)


def send_transactions(context: JobContext, _args: Mapping[str, Any]) -> Mapping[str, int]:
    """Do what is due on every chain, for whoever operates it and did; one holds up no other.

    What nobody foresaw is raised once the others had their turn.
    """
    figures: Counter[str] = Counter()
    unforeseen: list[Exception] = []
    signer = _signer_of(context)
    if signer is None:
        return figures
    for name in context.providers.chains:
        for sending in _sendings(context, name, signer):
            try:
                figures.update(_send(sending))
            except Exception as error:  # noqa: BLE001 - the others are to send all the same
                _log.exception("sending_broken_off", chain=name, why=type(error).__name__)
                unforeseen.append(error)
    if unforeseen:
        raise unforeseen[0]
    return figures


def _sendings(context: JobContext, name: str, signer: SignerPort) -> Iterator[Sending]:
    """Return a sender for the operator of the settings, and for each earlier one with open intents.

    An escrow keeps the operator it was made with, and that one's key is kept until it is over.
    """
    chain = context.settings.chains[name]
    with_intents = in_transaction(
        context.engine, lambda session: list_with_open_intents(session, chain=name)
    )
    earlier = set(with_intents) - {checksum(chain.operator)}
    for operator in (chain.operator, *_with_keys(sorted(earlier), name, signer)):
        yield Sending(
            engine=context.engine,
            chain=chain,
            port=context.providers.chains[name],
            signer=signer,
            cipher=context.cipher,
            clock=context.clock,
            operator=operator,
        )


def _with_keys(operators: Collection[str], chain: str, signer: SignerPort) -> list[str]:
    """Return those that can sign; without a key, nothing of an operator is touched."""
    if not operators:
        return []
    try:
        known = {checksum(address) for address in signer.addresses()}
    except UnavailableError as error:
        _log.warning("sending_broken_off", chain=chain, why=error.detail)
        return []
    for operator in operators:
        if operator not in known:
            _log.error("operator_key_missing", chain=chain, operator=operator)
    return [operator for operator in operators if operator in known]


def _send(sending: Sending) -> Mapping[str, int]:
    if not has_work(sending):
        return {}
    try:
        send(sending, until=sending.clock() + BEGIN_FOR)
    except UnavailableError as error:
        _log.warning("sending_broken_off", chain=sending.chain.name, why=error.detail)
        sending.figures["unavailable"] += 1
    return sending.figures


def _signer_of(context: JobContext) -> SignerPort | None:
    """Return the signer's own process, or one in this process if that has the keys."""
    providers = context.providers
    if providers.signer is not None or providers.keystore is None:
        return providers.signer
    return GuardedSigner(
        context.engine,
        providers.keystore,
        chains=context.settings.chains,
        ports=providers.chains,
        clock=context.clock,
    )
