"""Job: keep the reports of a month that was closed, or of whichever lacks some."""

import functools
from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from jobs.queues import ROUTINE
from payments.database import in_transaction
from payments.documents.errors import RenderingError
from payments.documents.renderer import Renderer, choose_renderer
from payments.log_lines import get_logger
from payments.periods.kept_reports import closings_to_keep, keep_reports

_log = get_logger(__name__)


def keep_period_reports(context: JobContext, args: Mapping[str, Any]) -> dict[str, int]:
    """Keep the reports of the closing `closing_id`, or of all that lack some; return how many."""
    named: str | None = args.get("closing_id")
    closings = [named] if named else in_transaction(context.engine, closings_to_keep)
    kept = 0
    for closing_id in closings:
        try:
            kept += keep_reports(
                context.engine,
                closing_id,
                renderer=_renderer(),
                now=context.clock(),
                statement_timeout_s=ROUTINE.timeout_s,
            )
        except RenderingError as error:
            _log.error("monthly_report_not_rendered", closing_id=closing_id, error=str(error))
    return {"kept": kept}


@functools.cache
def _renderer() -> Renderer | None:
    return choose_renderer()
