"""A process that does one thing at a month's end and dies on the way; run by test_crashes."""

import sys
from pathlib import Path

from payments.crash_points import arm
from payments.database import connect_engine, in_transaction
from payments.manual_entries.decide_entry import approve_entry
from payments.manual_entries.reverse_due import reverse_due
from payments.periods.close_period import close_period
from payments.periods.kept_reports import keep_reports
from payments.periods.reopen_period import reopen_period
from tests.payments.periods.closing_desk import ADA, BOB, OCTOBER
from tests.payments.shop import NOW


def main() -> None:
    """Do `what` to `subject` under `reference`, with the crash that the file names."""
    database_url, crash_at, what, subject, reference = sys.argv[1:]
    arm(Path(crash_at))
    engine = connect_engine(database_url)
    match what:
        case "approve":
            approve_entry(engine, caller=BOB, reference=reference, entry_id=subject, now=NOW)
        case "reverse_due":
            reverse_due(engine, now=NOW)
        case "close":
            close_period(
                engine, caller=ADA, reference=reference, month=OCTOBER, explanations={}, now=NOW
            )
        case "keep":
            keep_reports(engine, subject, renderer=None, now=NOW, statement_timeout_s=60)
        case "reopen":
            in_transaction(
                engine,
                lambda session: reopen_period(
                    session, caller=BOB, reference=reference, month=OCTOBER, reason="X.", now=NOW
                ),
            )


if __name__ == "__main__":
    main()
