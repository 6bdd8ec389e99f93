"""People take findings on, and settle them with a word of what was done; and read them."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.pages import Page, page_of
from payments.reconciliation.tables import Finding

STATES = ("open", "resolved")
KINDS = (
    "missing_in_ledger",
    "missing_at_provider",
    "missing_at_bank",
    "amount_differs",
    "duplicate",
    "stale_pending",
    "balance_drift",
    "statement_gap",
)


def list_findings(
    session: Session,
    *,
    limit: int,
    state: str | None = None,
    kind: str | None = None,
    after: str | None = None,
) -> Page[Finding]:
    """Return up to `limit` findings, the newest first, of a state and a kind where given."""
    query = select(Finding)
    if state is not None:
        query = query.where(Finding.state == state)
    if kind is not None:
        query = query.where(Finding.kind == kind)
    if after is not None:
        query = query.where(Finding.id < after)
    rows = session.scalars(query.order_by(Finding.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit=limit)


def settle_finding(
    session: Session,
    *,
    caller: Caller,
    finding_id: str,
    owner: str | None = None,
    resolution: str | None = None,
    now: dt.datetime,
) -> Finding:
    """Note who looks after a finding, or settle it with a word of what was done.

    Settling changes no money: a correction is an entry, made by a match or in the journal. The
    same again is no conflict.

    Raises:
        InvalidRequestError: neither is given.
        NotFoundError: there is no such finding.
        ConflictError: it is resolved already, otherwise.
    """
    if owner is None and resolution is None:
        fault = "Give an `owner`, or a `resolution`, or both."
        raise InvalidRequestError("Nothing is to change.", errors={"resolution": [fault]})
    finding = session.get(Finding, finding_id, with_for_update=True)
    if finding is None:
        raise NotFoundError("There is no such finding.")
    if finding.state == "resolved":
        if resolution == finding.resolution and owner in (None, finding.owner):
            return finding
        raise ConflictError(
            f"The finding was resolved by {finding.resolved_by}: {finding.resolution}.",
            code="finding_resolved",
        )
    finding.owner = owner or finding.owner
    if resolution is not None:
        finding.state, finding.resolution = "resolved", resolution
        finding.resolved_by, finding.resolved_at = caller.principal, now
    session.flush()
    return finding
