"""Exports that have expired give their bytes back; what they were stays, with the manifest."""

import datetime as dt

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from payments.exports.tables import Export, ExportPiece


def expire_exports(session: Session, *, now: dt.datetime, limit: int) -> int:
    """Delete the bytes of up to `limit` expired exports; return how many there were."""
    due = (
        select(Export)
        .where(Export.status != "expired", Export.expires_at <= now)
        .order_by(Export.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    exports = session.scalars(due).all()
    for export in exports:
        session.execute(delete(ExportPiece).where(ExportPiece.export_id == export.id))
        export.status, export.updated_at = "expired", now
    return len(exports)
