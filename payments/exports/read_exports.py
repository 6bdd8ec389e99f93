"""Exports are listed, shown and fetched."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from payments.database import in_transaction
from payments.errors import ConflictError, NotFoundError
from payments.exports.tables import Export, ExportPiece
from payments.pages import Page, page_of


@dataclass(frozen=True)
class ExportFile:
    """A ready export; `pieces` gives its bytes, each read from the database when it is taken."""

    export: Export
    pieces: Iterator[bytes]


def read_export(session: Session, export_id: str) -> Export:
    """Return an export as far as it has come.

    Raises:
        NotFoundError: there is none of this id.
    """
    export = session.get(Export, export_id)
    if export is None:
        raise NotFoundError("There is no such export.")
    return export


def list_exports(session: Session, *, limit: int, after: str | None = None) -> Page[Export]:
    """Return up to `limit` exports, newest first, from after the one that `after` names."""
    query = select(Export)
    if after is not None:
        query = query.where(Export.id < after)
    rows = session.scalars(query.order_by(Export.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit=limit)


def fetch_export(engine: Engine, export_id: str) -> ExportFile:
    """Return the file of an export.

    Raises:
        NotFoundError: there is no such export, or it has expired.
        ConflictError: it is not ready yet, or failed (`export_not_ready`).
    """
    export = in_transaction(engine, lambda session: read_export(session, export_id))
    if export.status == "expired":
        raise NotFoundError("The export has expired; have it made again: it will be the same.")
    if export.status != "ready":
        told = f"The export is {export.status}; look at it again until it is ready."
        if export.status == "failed":
            told = f"The export failed: {export.failure}"
        raise ConflictError(told, code="export_not_ready")
    return ExportFile(export, _pieces(engine, export))


def _pieces(engine: Engine, export: Export) -> Iterator[bytes]:
    """Yield the pieces, in short transactions: a client may take as long as it likes.

    Raises:
        NotFoundError: it expired meanwhile.
    """
    left: int = (export.manifest or {})["size"]
    number = 0
    while left > 0:
        number += 1
        key = (export.id, export.attempt, number)
        piece = in_transaction(engine, lambda session, key=key: session.get(ExportPiece, key))  # type: ignore[misc] # mypy cannot infer a lambda with a default
        if piece is None:
            raise NotFoundError("The export has expired.")
        content = zlib.decompress(piece.content)
        left -= len(content)
        yield content
