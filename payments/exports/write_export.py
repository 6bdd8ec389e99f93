"""Writes an export: reads the report from one snapshot and commits it piece by piece.

Whoever writes has the export's newest attempt. A worker that dies leaves pieces of an attempt
nobody will serve; the next one begins anew, and comes to the same bytes.
"""

import datetime as dt
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Engine, delete, update
from sqlalchemy.orm import Session

from payments import crash_points
from payments.database import in_transaction
from payments.errors import StrongroomError, UnavailableError
from payments.exports.request_export import KEPT_FOR
from payments.exports.tables import Export, ExportPiece
from payments.reports.file_format import report_for
from payments.reports.manifest import begin_writing
from payments.reports.open_report import expected_rows, open_report
from payments.reports.wanted import Wanted, read_wanted

PIECE_BYTES = 1024 * 1024  # before compression, so that no piece is larger
MOST_ATTEMPTS = 5
STATEMENT_TIMEOUT_S = 240
_LEVEL = 3  # of zlib: a third of the size, twice as fast as the default

Clock = Callable[[], dt.datetime]


class SupersededError(Exception):
    """Another attempt at the export was begun, or it expired: this one has nothing to say."""


class OutOfTimeError(StrongroomError):
    """It takes longer than a job may."""


def write_export(engine: Engine, export_id: str, *, clock: Clock, until: dt.datetime) -> int:
    """Write an export that waits, or that a worker died over; return its rows, 0 if it was done.

    What is wrong with the request, or lasts beyond `until`, fails the export; anything else is
    raised, and it is tried again.
    """
    export = in_transaction(engine, lambda session: _begin(session, export_id, now=clock()))
    if export is None:
        return 0
    try:
        return _write(engine, export, clock=clock, until=until)
    except SupersededError:
        return 0
    except UnavailableError:
        raise
    except StrongroomError as error:
        told = " ".join([error.detail, *(f"{k}: {' '.join(v)}" for k, v in error.errors.items())])
        in_transaction(engine, lambda session: _fail(session, export, told, now=clock()))
        return 0


def _write(engine: Engine, export: Export, *, clock: Clock, until: dt.datetime) -> int:
    wanted = _wanted(export)
    with open_report(
        engine,
        report_for(wanted, export.format),
        now=clock(),
        statement_timeout_s=STATEMENT_TIMEOUT_S,
    ) as opened:
        expected = expected_rows(opened)
        written = begin_writing(opened, export.format)
        number = 0
        for piece in _cut(written.pieces(opened)):
            if clock() > until:
                raise OutOfTimeError(
                    "It takes longer than a job may; narrow the period, or take csv."
                )
            if piece:
                number += 1
            progress = {"row_count": written.tally.rows, "rows_expected": expected}
            _keep(engine, export, number, piece, progress, now=clock())
            crash_points.reach("export.piece_kept")
        ended = {
            "status": "ready",
            "row_count": written.tally.rows,
            "manifest": written.manifest(),
            "expires_at": clock() + KEPT_FOR,
        }
    in_transaction(engine, lambda session: _update(session, export, ended, now=clock()))
    return written.tally.rows


def _cut(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Give the same bytes in pieces of one size, and an empty piece now and then for progress."""
    pending = bytearray()
    for number, piece in enumerate(pieces):
        pending += piece
        while len(pending) >= PIECE_BYTES:
            yield bytes(pending[:PIECE_BYTES])
            del pending[:PIECE_BYTES]
        if number % 50 == 0 and not piece:
            yield b""
    if pending:
        yield bytes(pending)


def _begin(session: Session, export_id: str, *, now: dt.datetime) -> Export | None:
    export = session.get(Export, export_id, with_for_update=True)
    if export is None or export.status not in ("waiting", "running"):
        return None
    if export.attempt >= MOST_ATTEMPTS:
        _fail(session, export, "It broke off each time it was tried.", now=now)
        return None
    session.execute(delete(ExportPiece).where(ExportPiece.export_id == export_id))
    export.attempt += 1
    export.status, export.row_count, export.updated_at = "running", 0, now
    return export


def _keep(
    engine: Engine,
    export: Export,
    number: int,
    piece: bytes,
    progress: dict[str, Any],
    *,
    now: dt.datetime,
) -> None:
    def keep(session: Session) -> None:
        _update(session, export, progress, now=now)
        if piece:
            session.add(
                ExportPiece(
                    export_id=export.id,
                    attempt=export.attempt,
                    number=number,
                    content=zlib.compress(piece, _LEVEL),
                )
            )

    in_transaction(engine, keep)


def _fail(session: Session, export: Export, told: str, *, now: dt.datetime) -> None:
    _update(session, export, {"status": "failed", "failure": told}, now=now)
    session.execute(delete(ExportPiece).where(ExportPiece.export_id == export.id))


def _update(session: Session, export: Export, values: dict[str, Any], *, now: dt.datetime) -> None:
    """Change the export's row, if this is still its attempt.

    Raises:
        SupersededError: it is not.
    """
    ours = (
        Export.id == export.id,
        Export.attempt == export.attempt,
        Export.status.in_(("waiting", "running")),
    )
    found = session.execute(
        update(Export).where(*ours).values(**values, updated_at=now).returning(Export.id)
    )
    if found.scalar() is None:
        raise SupersededError


def _wanted(export: Export) -> Wanted:
    # Whether `as_of` lies in the future was judged when the export was asked for.
    far = dt.datetime.max.replace(tzinfo=dt.UTC)
    return read_wanted(export.report, export.parameters, now=far)
