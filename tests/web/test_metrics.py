"""Who may read the metrics, and that they are there when the database is not."""

import dataclasses
import ipaddress
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient

from payments.database import APPLICATION_ROLE
from payments.settings import Settings
from payments.telemetry_settings import TelemetrySettings
from tests.web.conftest import KeyOf, MakeApp
from web.commands.metrics import serving
from web.parts import make_parts

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)

ClientOf = Callable[..., FlaskClient]


@pytest.fixture
def client_of(make_app: MakeApp, settings: Settings) -> ClientOf:
    def make(**changes: object) -> FlaskClient:
        return make_app(dataclasses.replace(settings, **changes)).test_client()  # type: ignore[arg-type] # as the test says

    return make


def test_a_key_for_metrics_reads_them(client: FlaskClient, key_of: KeyOf) -> None:
    answer = client.get("/metrics", headers=key_of("operator", scopes=("metrics.read",)))
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert "\nstrongroom_database_read 1.0\n" in answer.text
    assert client.get("/metrics", headers=key_of("operator", scopes=("ops",))).status_code == 403
    assert client.get("/metrics", headers=key_of("support")).status_code == 403
    assert client.get("/metrics", headers=key_of("service")).status_code == 403


def test_without_a_key_only_named_addresses_read_them(
    client: FlaskClient, client_of: ClientOf
) -> None:
    assert client.get("/metrics").status_code == 401
    named = client_of(telemetry=TelemetrySettings(metrics_networks=LOOPBACK))
    assert named.get("/metrics").status_code == 200
    elsewhere = {"REMOTE_ADDR": "10.1.2.3"}
    assert named.get("/metrics", environ_base=elsewhere).status_code == 401
    pretending = named.get(
        "/metrics", environ_base=elsewhere, headers={"X-Forwarded-For": "127.0.0.1"}
    )
    assert pretending.status_code == 401
    assert named.get("/api/keys").status_code == 401, "for metrics alone"
    bad = named.get("/metrics", headers={"Authorization": "Bearer srk_test_nothing"})
    assert bad.status_code == 401, "a key that is sent has to be right"


def test_a_named_address_needs_no_host_of_staff(client_of: ClientOf) -> None:
    telemetry = TelemetrySettings(metrics_networks=LOOPBACK)
    client = client_of(telemetry=telemetry, staff_hosts=frozenset({"staff.test"}))
    assert client.get("/metrics").status_code == 200
    elsewhere = {"REMOTE_ADDR": "10.1.2.3"}
    assert client.get("/metrics", environ_base=elsewhere).status_code == 404


def test_they_are_there_when_the_database_is_not(client_of: ClientOf, tmp_path: Path) -> None:
    telemetry = TelemetrySettings(metrics_networks=LOOPBACK, metrics_folder=tmp_path)
    client = client_of(telemetry=telemetry, database_url="postgresql://a:b@127.0.0.1:9/c")
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert "\nstrongroom_database_read 0.0\n" in answer.text
    assert "# TYPE strongroom_http_requests_total counter" in answer.text


def test_a_machine_without_web_serves_them_by_command(settings: Settings, tmp_path: Path) -> None:
    telemetry = TelemetrySettings(metrics_folder=tmp_path)
    parts = make_parts(dataclasses.replace(settings, telemetry=telemetry), role=APPLICATION_ROLE)
    with serving(parts, host="127.0.0.1", port=0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            answers = [requests.get(f"{url}/{path}", timeout=5) for path in ("metrics", "other")]
        finally:
            server.shutdown()
            thread.join()
            parts.close()
    assert [answer.status_code for answer in answers] == [200, 404]
    assert "\nstrongroom_database_read 1.0\n" in answers[0].text
    assert answers[0].headers["Content-Type"].startswith("text/plain; version=0.0.4")
