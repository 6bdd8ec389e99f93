"""Entries by hand and a closed month for schemathesis to meet, long before anything else."""

import datetime as dt
import hashlib
from pathlib import Path

from sqlalchemy import Engine

import ledger
from payments.database import transaction
from payments.periods.months import Month
from payments.periods.tables import PeriodClosing, PeriodReport
from tests.payments.periods.closing_desk import ClosingDesk

LONG_AGO = Month(1990, 1)
CONTENT = b"account,asset\r\n"


def write_months(engine: Engine, folder: Path) -> None:
    """Ask for entries, have some posted, keep a month's report; name them all in `folder`."""
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real
    desk = ClosingDesk(engine, now=now)
    entries = [desk.ask() for _ in range(60)] + [desk.post() for _ in range(30)]
    with transaction(engine) as session:
        as_of = ledger.close_books(session.connection(), LONG_AGO.end)
        closing = PeriodClosing(
            id="per_0",
            month=str(LONG_AGO),
            revision=1,
            state="closed",
            checklist=[{"name": "month_over", "ok": True, "detail": "It is over."}],
            explanations={},
            as_of=as_of,
            ledger_sequence=0,
            sealed_to=0,
            closed_by="test",
            closed_at=now,
        )
        session.add(closing)
        session.flush()
        session.add(
            PeriodReport(
                closing_id=closing.id,
                name="trial-balance",
                format="csv",
                sha256=hashlib.sha256(CONTENT).digest(),
                content=CONTENT,
                created_at=now,
            )
        )
    (folder / "entries.txt").write_text("".join(f'"{entry.id}"\n' for entry in entries))
    (folder / "months.txt").write_text(f'"{LONG_AGO}"\n')
