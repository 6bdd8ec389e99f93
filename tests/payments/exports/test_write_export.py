"""An export: written piece by piece, the same bytes whoever writes it and however often."""

import datetime as dt
import hashlib
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.errors import ConflictError, NotFoundError, UnavailableError
from payments.exports import write_export as writing
from payments.exports.prune_exports import expire_exports
from payments.exports.read_exports import fetch_export, read_export
from payments.exports.request_export import KEPT_FOR, request_export
from payments.exports.tables import Export
from payments.exports.write_export import MOST_ATTEMPTS, write_export
from payments.reports import open_report
from tests.architecture.sources import ROOT, crash_points
from tests.payments.reports.busy_month import write_busy_month

FINANCE = Caller(principal="key:finance", role=Role.FINANCE)
SOON = dt.timedelta(minutes=1)
PIECE_KEPT = "export.piece_kept"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - the database records by the real clock


@pytest.fixture(scope="module", autouse=True)
def books(engine: Engine) -> None:
    write_busy_month(engine)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PIECE_BYTES", 10_000)


def ask(engine: Engine, report: str = "journal", format_name: str = "csv", **filters: str) -> str:
    with transaction(engine) as session:
        return request_export(
            session,
            caller=FINANCE,
            reference=secrets.token_hex(16),
            report=report,
            format_name=format_name,
            filters=filters,
            now=now(),
            request_id=None,
        ).resource.id


def write(engine: Engine, export_id: str) -> int:
    return write_export(engine, export_id, clock=now, until=now() + SOON)


def read(engine: Engine, export_id: str) -> Export:
    with transaction(engine) as session:
        return read_export(session, export_id)


def content(engine: Engine, export_id: str) -> bytes:
    return b"".join(fetch_export(engine, export_id).pieces)


def attempts_kept(engine: Engine, export_id: str) -> list[Any]:
    query = text("SELECT DISTINCT attempt FROM strongroom.export_pieces WHERE export_id = :id")
    with engine.connect() as connection:
        return list(connection.execute(query, {"id": export_id}).scalars())


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("format_name", ["csv", "xlsx", "beancount", "hledger"])
def test_it_is_the_file_that_its_manifest_tells_of(engine: Engine, format_name: str) -> None:
    as_of = now().isoformat().replace("+00:00", "Z")
    files = []
    for _ in range(2):
        export_id = ask(engine, format_name=format_name, as_of=as_of)
        rows = write(engine, export_id)
        export = read(engine, export_id)
        file = content(engine, export_id)
        assert export.manifest is not None
        assert export.manifest["rows"] == rows == export.row_count > 300
        assert export.manifest["sha256"] == hashlib.sha256(file).hexdigest()
        assert export.manifest["size"] == len(file)
        for sums in export.manifest["sums"]:
            assert sums["debit"] == sums["credit"] != "0"
        files.append((file, export.manifest))
    assert files[0] == files[1]


def test_a_killed_worker_s_export_is_written_anew(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    export_id = ask(engine)
    crash_at = tmp_path / "crash_at"
    crash_at.write_text(PIECE_KEPT)
    command = [sys.executable, "-m", "tests.payments.exports.writer"]
    died = subprocess.run([*command, database_url, export_id, str(crash_at)], cwd=ROOT, check=False)
    assert died.returncode == -9
    export = read(engine, export_id)
    assert (export.status, export.attempt) == ("running", 1)
    assert export.row_count > 0
    assert attempts_kept(engine, export_id) == [1]
    with pytest.raises(ConflictError, match="running"):
        fetch_export(engine, export_id)
    assert write(engine, export_id) > 0
    assert attempts_kept(engine, export_id) == [2]
    manifest = read(engine, export_id).manifest
    assert manifest is not None
    assert hashlib.sha256(content(engine, export_id)).hexdigest() == manifest["sha256"]
    assert write(engine, export_id) == 0  # a queue that tells it again changes nothing


def test_every_point_of_exports_is_tried() -> None:
    assert crash_points("export") == {PIECE_KEPT}


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("finished", [True, False])
def test_one_that_was_thought_dead_writes_no_more(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, *, finished: bool
) -> None:
    export_id = ask(engine)
    keep = writing._keep
    taken_over = False

    def be_overtaken(*args: Any, **kwargs: Any) -> None:
        nonlocal taken_over
        if not taken_over:
            taken_over = True
            if finished:
                assert write(engine, export_id) > 0
            else:
                with transaction(engine) as session:
                    assert writing._begin(session, export_id, now=now()) is not None
        keep(*args, **kwargs)

    monkeypatch.setattr(writing, "_keep", be_overtaken)
    assert write(engine, export_id) == 0
    assert attempts_kept(engine, export_id) == [2] * finished
    assert read(engine, export_id).status == ("ready" if finished else "running")
    assert bool(write(engine, export_id)) != finished


def test_what_breaks_off_each_time_fails_in_the_end(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = ask(engine)

    def break_off(*_: Any, **__: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(writing, "_keep", break_off)
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(ConnectionError):
            write(engine, export_id)
    assert write(engine, export_id) == 0
    export = read(engine, export_id)
    assert (export.status, export.manifest) == ("failed", None)
    assert "each time" in (export.failure or "")


def test_what_takes_too_long_fails_with_a_remedy(engine: Engine) -> None:
    export_id = ask(engine)
    assert write_export(engine, export_id, clock=now, until=now() - SOON) == 0
    assert "narrow the period" in (read(engine, export_id).failure or "")
    with pytest.raises(ConflictError, match="narrow the period"):
        fetch_export(engine, export_id)


def test_a_missing_mapping_fails_it_with_the_accounts_named(engine: Engine) -> None:
    export_id = ask(engine, format_name="xero", asset="EUR")
    assert write(engine, export_id) == 0
    assert "liabilities:escrow" in (read(engine, export_id).failure or "")


def test_books_in_motion_are_waited_for_by_trying_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = ask(engine)
    monkeypatch.setattr(open_report, "PATIENCE_S", 0.05)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT ledger.lock_accounts('{}')")
        with pytest.raises(UnavailableError):
            write(engine, export_id)
        connection.rollback()
    assert write(engine, export_id) > 0


@pytest.mark.usefixtures("small_pieces")
def test_one_that_expires_while_it_is_fetched_ends_short(engine: Engine) -> None:
    export_id = ask(engine)
    write(engine, export_id)
    pieces: Iterator[bytes] = fetch_export(engine, export_id).pieces
    next(pieces)
    with transaction(engine) as session:
        expire_exports(session, now=now() + 2 * KEPT_FOR, limit=100)
    with pytest.raises(NotFoundError):
        list(pieces)
    with pytest.raises(NotFoundError, match="expired"):
        fetch_export(engine, export_id)


def test_one_that_expires_before_it_is_written_is_not_written(engine: Engine) -> None:
    export_id = ask(engine)
    with transaction(engine) as session:
        expire_exports(session, now=now() + 2 * KEPT_FOR, limit=100)
    assert write(engine, export_id) == 0
    assert read(engine, export_id).status == "expired"
