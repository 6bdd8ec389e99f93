import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, make_url, text

from jobs.schedule import stage_periodic
from payments.database import transaction
from payments.delivery import outbox
from payments.incidents.public_status import COMPONENTS
from payments.overview.readiness import newest_version
from payments.settings import Settings
from tests.web.conftest import MakeApp
from web.parts import parts_of

AWAY = {
    "database_url": "postgresql://a:b@127.0.0.1:9/c",
    "redis_url": "redis://127.0.0.1:9/0",
}
PARTS = {"database_url": "postgresql", "redis_url": "redis"}


WELL = dict.fromkeys(("postgresql", "relay", "workers", "sending", "redis"), "ok")


@pytest.fixture
def relay_turned(engine: Engine) -> Iterator[None]:
    """A relay has just looked for periodic jobs."""
    with transaction(engine) as session:
        stage_periodic(session, now=datetime.now(UTC))  # noqa: TID251 - the application's clock is real here
    yield
    with transaction(engine) as session:
        session.execute(text("DELETE FROM strongroom.outbox"))


@pytest.mark.usefixtures("relay_turned")
def test_all_is_well(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json()["status"] == "ok"
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json() == {"status": "ok", "checks": WELL}
    assert client.get("/api/status").get_json() == {
        "status": "operational",
        "banner": None,
        "components": dict.fromkeys(COMPONENTS, "operational"),
        "incidents": [],
    }


@pytest.mark.parametrize("missing", AWAY)
def test_a_part_that_is_away_is_named_and_its_address_is_not(
    make_app: MakeApp, settings: Settings, missing: str
) -> None:
    away = dataclasses.replace(settings, **cast("Any", {missing: AWAY[missing]}))
    client = make_app(away).test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    checks = answer.get_json()["checks"]
    assert checks.pop(PARTS[missing]) == "unreachable"
    assert set(checks.values()) <= {"ok", "silent"}  # no relay runs here
    assert "127.0.0.1" not in answer.text
    status = client.get("/api/status")
    told = {"database_url": "outage", "redis_url": "degraded"}[missing]
    assert (status.status_code, status.get_json()["status"]) == (200, told)


@pytest.mark.usefixtures("relay_turned")
def test_a_relay_or_workers_that_stand_still_degrade_and_do_not_stop(
    client: FlaskClient, engine: Engine
) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=2)  # noqa: TID251 - as above
    with transaction(engine) as session:
        outbox.stage(session, job="make_export", now=long_ago)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["status"]) == (200, "degraded")
    assert answer.get_json()["checks"] == WELL | {"workers": "behind"}
    with transaction(engine) as session:
        session.execute(text("UPDATE strongroom.periodic_jobs SET next_at = :at"), {"at": long_ago})
    assert client.get("/readyz").get_json()["checks"]["relay"] == "silent"
    ahead = datetime.now(UTC) + timedelta(days=1)  # noqa: TID251 - as above
    with transaction(engine) as session:  # of one whose clock was ahead, and that is gone
        session.execute(text("UPDATE strongroom.periodic_jobs SET next_at = :at"), {"at": ahead})
    assert client.get("/readyz").get_json()["checks"]["relay"] == "silent"


def test_a_database_that_takes_no_writes_or_lacks_tables_is_not_ready(
    make_app: MakeApp, settings: Settings, fresh_database_url: str
) -> None:
    client = make_app(dataclasses.replace(settings, database_url=fresh_database_url)).test_client()
    owner = create_engine(fresh_database_url, isolation_level="AUTOCOMMIT")
    name = make_url(fresh_database_url).database
    with owner.connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0010'"))
        answer = client.get("/readyz")
        assert (answer.status_code, answer.get_json()["checks"]["postgresql"]) == (
            503,
            "not_migrated",
        )
        connection.execute(
            text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest_version()}
        )
        assert client.get("/readyz").get_json()["checks"]["postgresql"] == "ok"
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
        parts_of(client.application).engine.dispose()
        answer = client.get("/readyz")
    owner.dispose()
    assert (answer.status_code, answer.get_json()["checks"]["postgresql"]) == (503, "read_only")
    assert client.get("/healthz").status_code == 200
