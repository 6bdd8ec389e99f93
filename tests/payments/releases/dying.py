"""A process that does one thing to a release and dies on the way; run by test_crashes."""

import sys
from pathlib import Path

from payments.crash_points import arm
from payments.database import connect_engine
from payments.freezes.freeze_releases import freeze_releases
from payments.releases.decide_release import approve_release, cancel_release
from payments.releases.request_release import NewRelease, request_release
from tests.payments.releases.till import FINANCE, OPERATOR
from tests.payments.shop import NOW, SERVICE


def main() -> None:
    """Do `what` to `subject` under `reference`, with the crash that the file names."""
    database_url, crash_at, what, subject, reference = sys.argv[1:]
    arm(Path(crash_at))
    engine = connect_engine(database_url)
    match what:
        case "request":
            request_release(
                engine,
                caller=SERVICE,
                asked=NewRelease(order_id=subject),
                approval_above={},
                chains={},
                ports={},
                reference=reference,
                now=NOW,
            )
        case "approve":
            approve_release(
                engine,
                caller=FINANCE,
                release_id=subject,
                chains={},
                ports={},
                reference=reference,
                now=NOW,
            )
        case "cancel":
            cancel_release(
                engine, caller=SERVICE, release_id=subject, reason="It came back.",
                chains={}, reference=reference, now=NOW,
            )  # fmt: skip
        case "freeze":
            freeze_releases(
                engine,
                caller=OPERATOR,
                reason="A key may have leaked.",
                order_id=subject,
                reference=reference,
                now=NOW,
            )


if __name__ == "__main__":
    main()
