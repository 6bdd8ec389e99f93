"""Secrets are sent into every field, header, error and job; then all that was written is read."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import Engine, text

from jobs.context import connect_context
from jobs.execution import run_leased
from payments.access.caller import KEY_ROLES, Role
from payments.database import transaction
from payments.delivery import outbox
from payments.log_lines import configure_log_lines
from payments.overview.scrape import scrape
from payments.settings import Settings
from payments.telemetry.measuring import begin_measuring, end_measuring
from payments.telemetry.tracing import begin_tracing, end_tracing
from tests.architecture.routes import Route
from tests.security.canaries import leaked, make_canaries
from tests.security.matrix_requests import REQUESTS
from tests.security.one_world import (
    Keys,
    api,
    keys,
    now,
    one_app,
    one_settings,
    sign,
    world,
)
from tests.security.test_card_numbers import bodies_with
from tests.security.test_matrix import Matrix, able, matrix
from tests.web.conftest import Headers
from tests.web.test_webhooks import event, signed
from web.parts import parts_of

__all__ = ["api", "keys", "matrix", "one_app", "one_settings", "world"]  # fixtures

CANARIES = make_canaries()
# What a job, an error or an event carries on; what people typed stands in the tables of its own.
CARRIED = (
    "outbox",
    "live_events",
    "notices",
    "notice_deliveries",
    "webhook_inbox",
    "provider_calls",
    "audit_entries",
    "encryption_runs",
    "documents_due",
    "secret_versions",
    "webhook_refusals",
    "webhook_redeliveries",
    "payment_declines",
    "provider_asks",
    "alert_deliveries",
    "key_uses",
    "restore_findings",
)


@contextmanager
def log_lines() -> Iterator[io.StringIO]:
    """What the process writes down meanwhile, to the last detail."""
    lines = io.StringIO()
    configure_log_lines("DEBUG", stream=lines)
    try:
        yield lines
    finally:
        configure_log_lines("ERROR")


@pytest.fixture
def seen_inside(one_app: Flask, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """What traces and metrics say of the test, once it asks."""
    spans = InMemorySpanExporter()
    begin_tracing("http://127.0.0.1:9", role="web", exporter=spans)
    begin_measuring(tmp_path, role="web")

    def told() -> str:
        end_tracing()
        metrics = scrape(parts_of(one_app).overview, tmp_path, now=now()).decode()
        return "\n".join(
            [metrics, *(span.to_json(indent=None) for span in spans.get_finished_spans())]
        )

    yield told
    end_tracing()
    end_measuring()


@pytest.fixture
def database_log(database_url: str) -> Iterator[Path]:
    """The server's log: where its processes write what goes wrong."""
    with psycopg.connect(database_url) as connection:
        pid = connection.info.backend_pid
        yield Path(f"/proc/{pid}/fd/2").readlink()


def caller_of(route: Route, keys: Keys, matrix: Matrix) -> Headers:
    role = next(iter(sorted(able(route) & KEY_ROLES)), None)
    return keys.make(role) if role else sign(matrix.world.shop.buyer_id, next(iter(able(route))))


def carried(engine: Engine) -> str:
    with engine.connect() as connection:
        return "\n".join(
            f"{table} {row[0]}"
            for table in CARRIED
            for row in connection.execute(text(f"SELECT t::text FROM strongroom.{table} t"))
        )


def in_redis(settings: Settings) -> str:
    client = redis.Redis.from_url(settings.redis_url)
    try:
        kept = [(key, client.dump(key)) for key in client.scan_iter(count=1_000)]
    finally:
        client.close()
    return repr(kept)


def test_row_47_no_secret_is_found_again_in_anything_that_was_written(
    matrix: Matrix,
    keys: Keys,
    engine: Engine,
    one_settings: Settings,
    database_log: Path,
    seen_inside: Callable[[], str],
) -> None:
    began_at = database_log.stat().st_size
    turns, tried = count(), 0
    written = list(CANARIES.values())
    with log_lines() as lines:
        for name, route in matrix.routes.items():
            headers = caller_of(route, keys, matrix)
            schema = matrix.body_schema(name)
            sample = (REQUESTS[name].json(matrix.own()) or {}) if schema else {}
            fields = [field for field, _ in bodies_with("", schema(), sample)] if schema else []
            for at in range(len(fields) or 1):
                for _ in range(2):
                    secret, _mark = written[next(turns) % len(written)]
                    bodies = list(bodies_with(secret, schema(), sample)) if schema else []
                    more = bodies[at][1] if bodies else None
                    answer = matrix.send(
                        name,
                        headers | carrying(secret),
                        matrix.own(),
                        more=more,
                        query=f"q={secret}",
                    )
                    assert answer.status_code < 500, (name, answer.text)
                    tried += 1
    assert tried > 300
    assert leaked(CANARIES, lines.getvalue()) == []
    assert leaked(CANARIES, carried(engine)) == []
    assert leaked(CANARIES, in_redis(one_settings)) == []
    inside = seen_inside()
    assert inside.count("http.route") > 300 < inside.count("strongroom_")
    assert leaked(CANARIES, inside) == []
    with database_log.open(errors="replace") as file:
        file.seek(began_at)
        assert leaked(CANARIES, file.read()) == []


def carrying(secret: str) -> Headers:
    """Headers in which something secret may come by mistake."""
    one_line = secret.replace("\n", " ")
    return {
        "Cookie": f"strongroom_session={one_line}",
        "X-Request-Id": one_line,
        "X-Access-Reason": one_line,
        "User-Agent": one_line,
        "Stripe-Signature": one_line,
    }


@pytest.mark.parametrize("name", CANARIES)
def test_nor_of_what_comes_without_a_right_credential(api: FlaskClient, name: str) -> None:
    secret, _ = CANARIES[name]
    with log_lines() as lines:
        for headers in ({"Authorization": f"Bearer {secret}"}, {"Authorization": secret}):
            answer = api.get(f"/api/orders/{secret}", headers=headers)
            assert answer.status_code in (400, 401, 404)
            assert leaked(CANARIES, answer.text) == []
        for path in ("/api/webhooks/stripe", "/api/webhooks/bank"):
            for sent in (secret, json.dumps({"id": secret, "type": secret, secret: secret})):
                answer = api.post(path, data=sent, headers=carrying(secret))
                assert answer.status_code == 400
                assert leaked(CANARIES, answer.text) == []
    assert leaked(CANARIES, lines.getvalue()) == []


def test_nor_of_a_webhook_that_cannot_be_applied(
    api: FlaskClient, one_settings: Settings, engine: Engine
) -> None:
    """A signed event whose every text is secret is stored, fails, and is told of."""
    whole = " ".join(secret for secret, _ in CANARIES.values())
    payment: dict[str, Any] = {
        "id": "pi_1CanaryCanary",
        "object": "payment_intent",
        "description": whole,
    }
    payment |= {"status": whole, "amount": whole, "currency": whole, "metadata": {whole: whole}}
    body = event(id="evt_1Canary", type="payment_intent.succeeded", data={"object": payment})
    with log_lines() as lines:
        sent = api.post("/api/webhooks/stripe", data=body, headers=signed(body))
        assert sent.status_code == 200, sent.text
        run_job(one_settings, engine, "drain_webhooks")
    assert leaked(CANARIES, lines.getvalue()) == []
    assert leaked(CANARIES, carried(engine)) == []


@pytest.mark.parametrize("name", CANARIES)
def test_nor_of_a_job_that_fails(
    one_settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    secret, _ = CANARIES[name]

    def fail(*_args: object) -> NoReturn:
        raise RuntimeError({"told": secret, "deep": [{"inner": secret}]}) from ValueError(secret)

    monkeypatch.setattr("jobs.audit_ledger.audit_ledger", fail)
    with log_lines() as lines:
        run_job(one_settings, engine, "audit_ledger")
    assert "job_failed" in lines.getvalue()
    assert leaked(CANARIES, lines.getvalue()) == []
    assert leaked(CANARIES, carried(engine)) == []


def test_nor_of_a_view_that_fails(
    one_app: Flask, api: FlaskClient, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever stands in the error of a driver or a library: nobody is told, and no log has it."""
    everything = " ".join(secret for secret, _ in CANARIES.values())
    admin = keys.make(Role.ADMIN)
    parts = parts_of(one_app)

    def fail(*_args: object, **_more: object) -> NoReturn:
        raise ZeroDivisionError(everything)

    monkeypatch.setitem(one_app.view_functions, "orders.read", marked_as(one_app, fail))
    with log_lines() as lines:
        answer = api.get("/api/orders/ord_1", headers=admin)
    assert answer.status_code == 500
    assert leaked(CANARIES, answer.text) == []
    assert "ZeroDivisionError" in lines.getvalue()
    assert leaked(CANARIES, lines.getvalue()) == []
    assert parts.engine.hide_parameters


def marked_as(app: Flask, view: Any) -> Any:
    read: Any = app.view_functions["orders.read"]
    view.action = read.action
    return view


def run_job(settings: Settings, engine: Engine, job: str) -> None:
    """Stage a job and run it as a worker does."""
    context = connect_context(settings)
    with transaction(engine) as session:
        outbox.stage(session, job=job, now=now())
        [leased] = outbox.lease_due(session, limit=1, lease_s=60, now=now(), jobs=[job])
    run_leased(context, row_id=leased.id, lease_token=leased.lease_token)
    context.engine.dispose()
