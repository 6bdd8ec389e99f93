"""One trace, and one search by a payment's id: from the request over the outbox to the provider."""

import dataclasses
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from jobs.clock import clock
from jobs.context import JobContext
from jobs.execution import run_leased
from payments.database import transaction
from payments.delivery import doorbell, outbox
from payments.log_lines import configure_log_lines
from payments.pending.request_ask import JOB
from payments.telemetry.tracing import begin_tracing, end_tracing, span, traceparent
from sandbox.stripe.server import SimulatedStripe
from tests.payments.conftest import SECRET_KEY, line, shop, simulated, stripe
from tests.payments.shop import Shop
from tests.web.conftest import KeyOf, MakeApp, key_of, make_app, settings
from web.parts import parts_of

__all__ = ["key_of", "line", "make_app", "settings", "shop", "simulated", "stripe"]

Span = Any


class Collector:
    """Takes spans over HTTP, as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        collector = self
        self.spans: list[Span] = []
        self.bodies: list[bytes] = []

        class Take(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces"
                collector.take(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for of_scope in of_resource.scope_spans:
                self.spans += of_scope.spans

    def named(self, name: str) -> Span:
        """Return the newest span of a name."""
        return [span for span in self.spans if span.name == name][-1]


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever, args=(0.01,))
    thread.start()
    begin_tracing(collector.url, role="test")
    yield collector
    end_tracing()
    collector.server.shutdown()
    collector.server.server_close()
    thread.join()


@pytest.fixture
def client(make_app: MakeApp, settings: Any, simulated: SimulatedStripe) -> FlaskClient:
    at_stripe = {"stripe_api_url": simulated.url, "stripe_secret_key": SECRET_KEY}
    return make_app(dataclasses.replace(settings, **at_stripe)).test_client()


@pytest.fixture
def context(client: FlaskClient) -> Iterator[JobContext]:
    """A worker of the same system."""
    parts = parts_of(client.application)
    bell = doorbell.connect(parts.settings.redis_url)
    yield JobContext(
        settings=parts.settings,
        engine=parts.engine,
        cipher=parts.cipher,
        bell=bell,
        providers=parts.providers,
    )
    bell.close()


def work(context: JobContext, job: str) -> None:
    """Run the one row of a job that waits, as a worker does."""
    with transaction(context.engine) as session:
        [row] = outbox.lease_due(session, limit=1, lease_s=60, now=clock(), jobs=[job])
    run_leased(context, row_id=row.id, lease_token=row.lease_token)


def test_one_trace_and_one_id_lead_from_the_request_to_the_provider(
    collector: Collector,
    client: FlaskClient,
    context: JobContext,
    shop: Shop,
    key_of: KeyOf,
    simulated: SimulatedStripe,
) -> None:
    lines = io.StringIO()
    configure_log_lines("INFO", stream=lines)
    order = shop.order()
    body = {"reference": f"pay-{order.id}", "order_id": order.id}
    made = client.post("/api/payments/intents", json=body, headers=key_of("service"))
    assert made.status_code == 201, made.text
    payment_id = made.get_json()["id"]
    confirm_at(simulated, made.get_json()["client_secret"])
    asked = client.post(
        f"/api/ops/payments/{payment_id}/ask-provider",
        json={"reference": f"ask-{payment_id}"},
        headers=key_of("operator"),
    )
    assert asked.status_code == 202, asked.text
    work(context, JOB)
    end_tracing()

    request = collector.named("POST /api/payments/intents")
    call = collector.named("stripe POST payment_intents")
    assert (call.trace_id, call.parent_span_id) == (request.trace_id, request.span_id)
    request = collector.named("POST /api/ops/payments/<id:payment_id>/ask-provider")
    job = collector.named(f"job {JOB}")
    call = collector.named("stripe GET payment_intents")
    assert job.trace_id == call.trace_id == request.trace_id
    assert (job.parent_span_id, call.parent_span_id) == (request.span_id, job.span_id)
    everything = b"".join(collector.bodies)
    for secret in (SECRET_KEY.encode(), b"client_secret", b"@example.com", b"Ada"):
        assert secret not in everything

    found = [json.loads(text) for text in lines.getvalue().splitlines() if payment_id in text]
    assert {"request", "provider_called", "entries_posted"} <= {one["event"] for one in found}
    called = [one for one in found if one["event"] == "provider_called"]
    assert {(one["operation"], one.get("job")) for one in called} == {
        ("POST payment_intents", None),
        ("GET payment_intents", JOB),
    }
    [posted] = [one for one in found if one["event"] == "entries_posted"]
    assert posted["entries"].startswith(f"{payment_id}:")
    of_the_ask = {one["request_id"] for one in found if one.get("job") == JOB}
    assert of_the_ask == {asked.headers["X-Request-Id"]}, "and from the job back to the request"


def confirm_at(simulated: SimulatedStripe, client_secret: str) -> None:
    """Pay as a browser does."""
    intent = client_secret.partition("_secret_")[0]
    answer = requests.post(
        f"{simulated.url}/v1/payment_intents/{intent}/confirm",
        data={"payment_method": "pm_card_visa", "client_secret": client_secret},
        auth=("pk_test_sandbox_intake", ""),
        timeout=5,
    )
    assert answer.ok, answer.text


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_strangers_trace_is_linked_to_and_not_gone_on_from(
    collector: Collector, client: FlaskClient, flags: str
) -> None:
    theirs, above = "ab" * 16, "cd" * 8
    client.get("/healthz", headers={"traceparent": f"00-{theirs}-{above}-{flags}"})
    client.get("/readyz", headers={"traceparent": f"00-{theirs}-{{{{7*7}}}}-{flags}"})
    end_tracing()
    request, odd = collector.named("GET /healthz"), collector.named("GET /readyz")
    assert theirs not in {request.trace_id.hex(), odd.trace_id.hex()}
    assert (request.parent_span_id, odd.parent_span_id, list(odd.links)) == (b"", b"", [])
    [link] = request.links
    assert (link.trace_id.hex(), link.span_id.hex()) == (theirs, above)


def test_without_a_place_to_send_them_nothing_is_traced() -> None:
    begin_tracing(None, role="test")
    with span("anything", kind="INTERNAL") as nothing:
        assert nothing is None
        assert traceparent() is None
