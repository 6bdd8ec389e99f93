"""What moved on which day, for charts."""

import re
from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import Connection

from ledger.reporting import DayMovement, Scope, journal

_ID = re.compile(r":([a-z]{2,5}_[0-9A-Z]{26}|0x[0-9A-Fa-f]{40})$")
_CLASSES = {"assets": "asset", "liabilities": "liability", "equity": "equity"}


def daily_movements(connection: Connection, scope: Scope) -> Iterator[DayMovement]:
    """Yield what moved on each control account and day of the period."""
    sums: dict[tuple[str, str, object], list[int]] = defaultdict(lambda: [0, 0])
    for row in journal(connection, scope):
        at = row.occurred_at if scope.axis == "occurred" else row.recorded_at
        pair = sums[_ID.sub("", row.account), row.asset, at.date()]
        pair[0] += row.debit
        pair[1] += row.credit
    for (control, asset, day), (debit, credit) in sorted(sums.items(), key=str):
        root = control.split(":")[0]
        kind = _CLASSES.get(root, "income" if root == "income" else "expense")
        yield DayMovement(control, kind, asset, day, debit, credit)  # type: ignore[arg-type]
