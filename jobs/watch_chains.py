"""Job: follow every chain that is set up; one that cannot be read does not keep the others."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.errors import StrongroomError
from payments.log_lines import get_logger
from payments.watching.watch_chain import Watch, watch_chain

BUSY_FOR = dt.timedelta(seconds=30)
"""After this long what is left of a long stretch is read by the next job."""

_log = get_logger(__name__)


def watch_chains(context: JobContext, _args: Mapping[str, Any]) -> Mapping[str, int]:
    """Read each chain to its head, and return what was found on all of them.

    What nobody foresaw is raised once the other chains were read.
    """
    until = context.clock() + BUSY_FOR
    figures: Counter[str] = Counter()
    unforeseen: list[Exception] = []
    for name, port in context.providers.chains.items():
        watch = Watch(
            engine=context.engine,
            settings=context.settings.chains[name],
            port=port,
            chains=context.settings.chains,
            clock=context.clock,
        )
        try:
            figures.update(_to_the_head(watch, until=until))
        except StrongroomError as error:
            figures["failed"] += 1
            _log.error("chain_not_read", chain=name, reason=error.code, detail=error.detail)
        except Exception as error:  # noqa: BLE001 - the other chains are to be read all the same
            _log.exception("chain_not_read", chain=name, reason=type(error).__name__)
            unforeseen.append(error)
    if unforeseen:
        raise unforeseen[0]
    return dict(figures)


def _to_the_head(watch: Watch, *, until: dt.datetime) -> Mapping[str, int]:
    figures: Counter[str] = Counter()
    while True:
        found = dict(watch_chain(watch))
        has_more = found.pop("more", 0)
        figures.update(found)
        if not has_more or watch.clock() >= until:
            return figures
