"""Job: ask all providers what happened after the moment of a restore."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.errors import StrongroomError
from payments.restores.reconcile import reconcile_restore as look
from payments.restores.turn import LookUnderWayError


def reconcile_restore(context: JobContext, args: Mapping[str, Any]) -> dict[str, int]:
    """Look at all providers for the restore `restore_id`, from the beginning.

    A provider that does not answer ends it, as it ends the command: why stands with the restore,
    and somebody asks again. While somebody else looks, no second look is needed.
    """
    try:
        found = look(
            context.engine,
            restore_id=args["restore_id"],
            providers=context.providers,
            cipher=context.cipher,
            chains=context.settings.chains,
            clock=context.clock,
        )
    except LookUnderWayError:
        return {"under_way": 1}
    except StrongroomError:
        return {"broken_off": 1}
    return {name: figure for name, figure in found.figures.items() if isinstance(figure, int)}
