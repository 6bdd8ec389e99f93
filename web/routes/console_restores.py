"""The desk of restores: begun, reconciled, settled, and ended by two; and why nothing is sent."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from flask import render_template
from sqlalchemy.orm import Session

from payments.database import in_transaction
from payments.restores.finish_restore import LOOK_AGAIN_AFTER
from payments.restores.read_restores import (
    Standing,
    count_findings,
    list_findings,
    list_restores,
    read_restore,
    read_standing,
)
from payments.restores.tables import Restore, RestoreFinding
from web.console_pages import ConsolePages
from web.console_queries import PAGE, read_filters
from web.parts import current_parts
from web.schemas.restores import FindingsQuery

blueprint = ConsolePages("console_restores")

_MOST_FINDINGS = 1000
_STANDINGS = ("open", "awaiting", "adopted", "settled")


@dataclass(frozen=True)
class Shown:
    """A restore with its findings, those that keep it from its end first."""

    restore: Restore
    findings: list[RestoreFinding]
    counts: dict[str, int]


@blueprint.page("/restores", action="restores.read")
def list_all() -> str:
    """Show whether anything is sent, why not, what comes next, and the restores, newest first."""
    parts = current_parts()

    def read(session: Session) -> tuple[Standing, list[Restore], str]:
        standing = read_standing(session)
        stage = "none" if standing.why is None else "begin"
        if standing.restore is not None:
            counts = count_findings(session, standing.restore.id)
            stage = _stage_of(standing.restore, counts, now=parts.now())
        return standing, list_restores(session, limit=PAGE), stage

    standing, restores, stage = in_transaction(parts.engine, read)
    return render_template(
        "console/restores.html", standing=standing, restores=restores, stage=stage
    )


@blueprint.page("/restores/<id:restore_id>", action="restores.read")
def show(restore_id: str) -> str:
    """Show a restore with what was found.

    Raises:
        NotFoundError: there is no such restore.
    """
    parts = current_parts()
    status = read_filters(FindingsQuery, ("status",)).get("status")

    def read(session: Session) -> Shown:
        restore = read_restore(session, restore_id)
        found = list_findings(session, restore_id, limit=_MOST_FINDINGS, status=status)
        counted = count_findings(session, restore_id)
        counts = {name: counted.get(name, 0) for name in _STANDINGS}
        return Shown(restore, sorted(found, key=lambda each: _STANDINGS.index(each.status)), counts)

    shown = in_transaction(parts.engine, read)
    return render_template(
        "console/restore.html",
        restore=shown.restore,
        findings=shown.findings,
        counts=shown.counts,
        status=status,
        stage=_stage_of(shown.restore, shown.counts, now=parts.now()),
        is_looked_at=_is_looked_at(shown.restore, now=parts.now()),
    )


def _stage_of(restore: Restore, counts: Mapping[str, int], *, now: dt.datetime) -> str:
    """Return the step that comes next, or `done`."""
    if restore.finished_at is not None:
        return "done"
    if not _is_looked_at(restore, now=now):
        return "reconcile"
    return "settle" if counts.get("open") else "finish"


def _is_looked_at(restore: Restore, *, now: dt.datetime) -> bool:
    """Whether the last look at all providers is new enough to finish after it."""
    looked_at = restore.reconciled_at
    return looked_at is not None and now - looked_at <= LOOK_AGAIN_AFTER
