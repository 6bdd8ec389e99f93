"""What has gone wrong, for schemathesis to meet: an alert, jobs that are dead, a replay."""

import datetime as dt
import secrets
from pathlib import Path

from sqlalchemy import Engine, select, text

from payments.access.caller import Role
from payments.alerts.condition import Condition, Measured
from payments.alerts.follow import follow
from payments.alerts.tables import Alert
from payments.database import transaction
from payments.settings import Settings
from tests.payments.dead_letters.test_discard_dead import EVENT, JOB
from tests.web.contract.things import Things

TARGETS = {"sre": ("json://127.0.0.1:9/sre",)}  # nobody listens there


def write_operations(things: Things, engine: Engine, settings: Settings, folder: Path) -> None:
    """Have it happen, and name it in `folder`."""
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real
    many = Measured(3)
    condition = Condition(
        name="dead_letters",
        priority="P2",
        title="There are dead letters",
        measured="Things",
        runbook="dead-letters",
        measure=lambda *_: many,
    )
    event = secrets.token_hex(16)
    with transaction(engine) as session:
        follow(session, condition, many, settings=settings, now=now)
        alert = session.scalars(select(Alert.id)).one()
        session.execute(text(EVENT), {"key": event, "now": now})
        named = [{"key": secrets.token_hex(16), "now": now} for _ in range(20)]
        letters = [session.execute(text(JOB), each).scalar_one() for each in named]
    replays = [
        things.post(
            "/api/ops/webhooks/replay",
            {"source": "inbox", "ids": [event]},
            headers=things.key_of(Role.OPERATOR),
        )
    ]
    told = {"alerts": [alert], "letters": letters, "replays": replays}
    for name, ids in told.items():
        (folder / f"{name}.txt").write_text("".join(f'"{id_}"\n' for id_ in ids))
