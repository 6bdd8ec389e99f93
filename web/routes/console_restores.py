"""The desk of restores: why nothing is sent, what was found, and the end that takes two."""

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
    """Show whether anything is sent, why not, and the restores, newest first."""

    def read(session: Session) -> tuple[Standing, list[Restore]]:
        return read_standing(session), list_restores(session, limit=PAGE)

    standing, restores = in_transaction(current_parts().engine, read)
    return render_template("console/restores.html", standing=standing, restores=restores)


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
    looked_at = shown.restore.reconciled_at
    return render_template(
        "console/restore.html",
        restore=shown.restore,
        findings=shown.findings,
        counts=shown.counts,
        status=status,
        is_looked_at=looked_at is not None and parts.now() - looked_at <= LOOK_AGAIN_AFTER,
    )
