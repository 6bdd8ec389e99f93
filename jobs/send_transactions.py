"""Job: send what is queued for the chains, and see what became of what was sent."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.chain.guarded_signer import GuardedSigner
from payments.chain.idle import has_work
from payments.chain.send import send
from payments.chain.sending import Sending
from payments.errors import UnavailableError
from payments.log_lines import get_logger
from payments.providers.chain_port import SignerPort

BEGIN_FOR = dt.timedelta(seconds=60)
"""How long a run begins new things on one chain; the next run goes on."""

_log = get_logger(__name__)


def send_transactions(context: JobContext, _args: Mapping[str, Any]) -> Mapping[str, int]:
    """Do what is due on every chain; one that does not answer holds up no other."""
    figures: Counter[str] = Counter()
    signer = _signer_of(context)
    for name, port in context.providers.chains.items():
        if signer is None:
            break
        sending = Sending(
            engine=context.engine,
            chain=context.settings.chains[name],
            port=port,
            signer=signer,
            cipher=context.cipher,
            clock=context.clock,
        )
        if not has_work(sending):
            continue
        try:
            send(sending, until=context.clock() + BEGIN_FOR)
        except UnavailableError as error:
            _log.warning("sending_broken_off", chain=name, why=error.detail)
            figures["unavailable"] += 1
        figures.update(sending.figures)
    return figures


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
