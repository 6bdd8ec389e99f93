"""A process that writes one export and may be killed: `database_url export_id crash_at`."""

import datetime as dt
import sys
from pathlib import Path

from payments import crash_points
from payments.database import connect_engine
from payments.exports.write_export import write_export


def clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - as a worker's


def main() -> None:
    """Write the export; dies by SIGKILL where the file `crash_at` says."""
    database_url, export_id, crash_at = sys.argv[1:]
    crash_points.arm(Path(crash_at))
    engine = connect_engine(database_url, pool_size=2)
    write_export(engine, export_id, clock=clock, until=clock() + dt.timedelta(minutes=1))


if __name__ == "__main__":
    main()
