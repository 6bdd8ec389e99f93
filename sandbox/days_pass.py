"""`python -m sandbox.days_pass`: as if days had passed for events that cannot be applied.

An event is given up when its retry window of days is over. Whoever plays that has no days: here the
events that were tried in vain become older, and their next attempt, which is the worker's own, is
their last. Run it in the sandbox's environment: `python -m sandbox -- python -m sandbox.days_pass`.
"""

import argparse
import sys
from collections.abc import Sequence

from sqlalchemy import text

from payments.database import connect_engine
from payments.settings import read_settings

DAYS = 30  # the longest retry window that can be set

_AGE = text("""
    UPDATE strongroom.webhook_inbox
       SET received_at = received_at - make_interval(days => :days),
           replayed_at = replayed_at - make_interval(days => :days),
           due_at = now()
     WHERE state = 'new' AND attempts > 0
    RETURNING event_id
""")


def main(arguments: Sequence[str] | None = None) -> int:
    """Let the days pass, and say for which events; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.days_pass", description=__doc__)
    parser.parse_args(arguments)
    settings = read_settings()
    if not settings.is_sandbox:
        print("Only a sandbox's days pass like that.", file=sys.stderr)
        return 1
    engine = connect_engine(settings.database_url)
    with engine.begin() as connection:
        aged = connection.execute(_AGE, {"days": DAYS}).scalars().all()
    engine.dispose()
    if aged:
        print(f"{DAYS} days later: {', '.join(aged)} is tried for the last time.")
    else:
        print("No event was tried in vain: tell one first, and wait a second.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
