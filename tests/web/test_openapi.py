import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.lifecycle.stages import Status
from payments.providers.facts import RefundStatus

PROMISED = {
    ("POST", "/api/payments/intents"),
    ("GET", "/api/payments"),
    ("GET", "/api/payments/{payment_id}"),
    ("POST", "/api/webhooks/stripe"),
    ("POST", "/api/webhooks/bank"),
    ("POST", "/api/parties"),
    ("GET", "/api/parties/{party_id}"),
    ("PUT", "/api/parties/{party_id}/kyc"),
    ("GET", "/api/parties"),
    ("POST", "/api/parties/{party_id}/erase"),
    ("GET", "/api/audit"),
    ("GET", "/api/audit/export"),
    ("GET", "/api/secrets"),
    ("POST", "/api/secrets/{kind}/rotate"),
    ("DELETE", "/api/secrets/{version_id}"),
    ("GET", "/api/encryption"),
    ("POST", "/api/encryption/rotate"),
    ("POST", "/api/orders"),
    ("GET", "/api/orders/{order_id}"),
    ("GET", "/api/invoices/{order_id}"),
    ("GET", "/api/invoices/{order_id}.pdf"),
    ("GET", "/api/invoices/{order_id}.xml"),
    ("GET", "/api/invoices/{order_id}/{number}.pdf"),
    ("GET", "/api/invoices/{order_id}/{number}.xml"),
    ("POST", "/api/invoices/{order_id}/links"),
    ("GET", "/api/events"),
    ("GET", "/api/ops/pending"),
    ("POST", "/api/ops/payments/{payment_id}/ask-provider"),
    ("POST", "/api/ops/stripe/poll"),
    ("POST", "/api/ops/asks"),
    ("GET", "/api/ops/asks"),
    ("GET", "/api/ops/asks/{ask_id}"),
    ("GET", "/api/payments/{payment_id}/declines"),
    ("GET", "/api/ops/dead-letters"),
    ("GET", "/api/ops/dead-letters/{letter_id}"),
    ("POST", "/api/ops/dead-letters/replay"),
    ("POST", "/api/ops/dead-letters/discard"),
    ("GET", "/api/ops/webhooks/refusals"),
    ("GET", "/api/ops/webhooks/proof"),
    ("GET", "/api/ops/webhooks"),
    ("POST", "/api/ops/webhooks/replay"),
    ("GET", "/api/ops/webhooks/replay/{replay_id}"),
    ("PUT", "/api/ops/webhooks/retry-window"),
    ("POST", "/api/ops/deadlines/extend"),
    ("POST", "/api/notices/endpoints"),
    ("GET", "/api/notices/endpoints"),
    ("GET", "/api/notices/endpoints/{endpoint_id}"),
    ("PATCH", "/api/notices/endpoints/{endpoint_id}"),
    ("DELETE", "/api/notices/endpoints/{endpoint_id}"),
    ("POST", "/api/notices/endpoints/{endpoint_id}/rotate-secret"),
    ("POST", "/api/notices/endpoints/{endpoint_id}/test"),
    ("GET", "/api/notices"),
    ("POST", "/api/notices/replay"),
    ("GET", "/api/status"),
    ("POST", "/api/session"),
    ("DELETE", "/api/session"),
    ("POST", "/api/session/end"),
    ("GET", "/api/ledger/accounts"),
    ("GET", "/api/ledger/accounts/{path}/statement"),
    ("GET", "/api/ledger/reports/{report}"),
    ("GET", "/api/ledger/charts/{chart}.svg"),
    ("POST", "/api/ledger/exports"),
    ("GET", "/api/ledger/exports"),
    ("GET", "/api/ledger/exports/{export_id}"),
    ("GET", "/api/ledger/exports/{export_id}/download"),
    ("GET", "/api/ledger/mappings/{package}"),
    ("PUT", "/api/ledger/mappings/{package}"),
    ("POST", "/api/ledger/entries"),
    ("GET", "/api/ledger/entries"),
    ("GET", "/api/ledger/entries/{entry_id}"),
    ("POST", "/api/ledger/entries/{entry_id}/approve"),
    ("POST", "/api/ledger/entries/{entry_id}/reject"),
    ("POST", "/api/ledger/entries/{entry_id}/reverse"),
    ("GET", "/api/ledger/periods"),
    ("GET", "/api/ledger/periods/{month}"),
    ("POST", "/api/ledger/periods/{month}/close"),
    ("POST", "/api/ledger/periods/{month}/reopen"),
    ("GET", "/api/ledger/periods/{month}/reports/{name}.{format_name}"),
    ("POST", "/api/keys"),
    ("GET", "/api/keys"),
    ("POST", "/api/keys/{key_id}/rotate"),
    ("DELETE", "/api/keys/{key_id}"),
    ("POST", "/api/payments/{payment_id}/confirm"),
    ("POST", "/api/payments/{payment_id}/cancel"),
    ("POST", "/api/payments/{payment_id}/capture"),
    ("GET", "/api/payments/{payment_id}/timeline"),
    ("POST", "/api/payments/stripe/checkout-session"),
    ("POST", "/api/payments/bank/link"),
    ("POST", "/api/parties/{party_id}/payout-destinations"),
    ("GET", "/api/parties/{party_id}/payout-destinations"),
    ("POST", "/api/payout-destinations/{destination_id}/approve"),
    ("POST", "/api/payout-destinations/{destination_id}/reject"),
    ("POST", "/api/escrow/deploy-contract"),
    ("POST", "/api/escrow/monitor-deployment"),
    ("POST", "/api/escrow/release"),
    ("GET", "/api/escrow/{escrow_id}"),
    ("POST", "/api/escrow/{escrow_id}/refund"),
    ("POST", "/api/escrow/{escrow_id}/dispute"),
    ("GET", "/api/releases"),
    ("GET", "/api/releases/{release_id}"),
    ("POST", "/api/releases/{release_id}/approve"),
    ("POST", "/api/releases/{release_id}/cancel"),
    ("GET", "/api/payouts"),
    ("GET", "/api/payouts/{payout_id}"),
    ("POST", "/api/payouts/{payout_id}/retry"),
    ("POST", "/api/ops/freeze"),
    ("POST", "/api/ops/unfreeze"),
    ("GET", "/api/ops/freezes"),
    ("GET", "/api/ops/restores"),
    ("POST", "/api/ops/restores"),
    ("GET", "/api/ops/restores/{restore_id}"),
    ("POST", "/api/ops/restores/{restore_id}/reconcile"),
    ("POST", "/api/ops/restores/findings/{finding_id}/settle"),
    ("POST", "/api/ops/restores/{restore_id}/finish"),
    ("GET", "/api/ops/alerts"),
    ("GET", "/api/ops/alerts/conditions"),
    ("GET", "/api/ops/alerts/{alert_id}"),
    ("POST", "/api/ops/alerts/{alert_id}/acknowledge"),
    ("POST", "/api/ops/alerts/test"),
    ("POST", "/api/ops/incidents"),
    ("GET", "/api/ops/incidents"),
    ("GET", "/api/ops/incidents/{incident_id}"),
    ("PATCH", "/api/ops/incidents/{incident_id}"),
    ("GET", "/api/ops/search"),
    ("GET", "/api/ops/bank-search"),
    ("POST", "/api/ops/events/self-test"),
    ("GET", "/api/keys/{key_id}/uses"),
    ("GET", "/api/ops/duplicates"),
    ("GET", "/api/ops/orders/{order_id}/balances"),
    ("POST", "/api/payments/{payment_id}/refunds"),
    ("GET", "/api/payments/{payment_id}/refunds"),
    ("GET", "/api/refunds/{refund_id}"),
    ("POST", "/api/reconciliation/statements"),
    ("GET", "/api/reconciliation/statements"),
    ("POST", "/api/reconciliation/runs"),
    ("GET", "/api/reconciliation/runs"),
    ("GET", "/api/reconciliation/runs/{run_id}"),
    ("GET", "/api/reconciliation/unmatched"),
    ("POST", "/api/reconciliation/unmatched/{item_id}/match"),
    ("POST", "/api/reconciliation/unmatched/{line_id}/discard"),
    ("POST", "/api/reconciliation/unmatched/{receipt_id}/refund"),
    ("GET", "/api/reconciliation/matches"),
    ("POST", "/api/reconciliation/matches/{match_id}/undo"),
    ("GET", "/api/reconciliation/findings"),
    ("PATCH", "/api/reconciliation/findings/{finding_id}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
}

# A session is told by its cookie, providers name their own events, a file is its own name, and who
# asks how far a deployment is, or who is at fault, changes nothing. Of links and tests there may be
# as many as wanted.
NO_REFERENCE = {
    "/api/escrow/monitor-deployment",
    "/api/invoices/{order_id}/links",
    "/api/session",
    "/api/session/end",
    "/api/webhooks/stripe",
    "/api/webhooks/bank",
    "/api/reconciliation/statements",
    "/api/notices/endpoints/{endpoint_id}/test",
    "/api/ops/events/self-test",
}

# Nothing is made by this one, and twice the same would be told to everybody twice.
ALSO_TAKES_ONE = {"/api/ops/incidents/{incident_id}"}


@pytest.fixture
def document(client: FlaskClient) -> Any:
    return client.get("/api/openapi.json").get_json()


def test_the_document_describes_every_promised_call(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    described = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    }
    assert described == PROMISED


class Operation(NamedTuple):
    method: str
    path: str
    told: Any

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


def operations(document: Any) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            if method != "parameters":
                yield Operation(method, path, told)


def test_every_operation_says_what_it_does_for_whom_and_how_it_fails(document: Any) -> None:
    ids = set()
    for operation in operations(document):
        told = operation.told
        assert told["summary"].endswith("."), operation
        assert "For: " in told["description"] or "For anybody. " in told["description"], operation
        assert told["tags"], operation
        ids.add(told["operationId"])
        statuses = set(told["responses"])
        assert "default" not in statuses, operation
        assert statuses >= {"400", "500"}, operation
        is_guarded = "security" not in told
        assert is_guarded == (statuses >= {"401", "403", "503"}), operation
        for status, answer in told["responses"].items():
            assert answer["description"], operation
            assert "X-Request-Id" in answer["headers"], operation
            is_problem = "application/problem+json" in answer.get("content", {})
            assert is_problem == (int(status) >= 400) or operation.path == "/readyz", operation
    assert len(ids) == len(PROMISED)


def test_what_takes_a_reference_takes_it_as_a_header_and_shows_replays(document: Any) -> None:
    taking = 0
    for operation in operations(document):
        names = {parameter["name"] for parameter in operation.told.get("parameters", [])}
        answers = operation.told["responses"]
        if "Idempotency-Key" in names:
            taking += 1
            assert operation.method == "post" or operation.path in ALSO_TAKES_ONE, operation
            assert answers.keys() >= {"200", "409", "422"}, operation
            assert "Idempotent-Replayed" in answers["200"]["headers"], operation
            assert "Retry-After" in answers["409"]["headers"], operation
        else:
            assert operation.method != "post" or operation.path in NO_REFERENCE, operation
    posts = sum(method == "POST" for method, _ in PROMISED)
    assert taking == posts - len(NO_REFERENCE) + len(ALSO_TAKES_ONE)


def test_statuses_are_lists_to_choose_from(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["Payment"]["properties"]["status"]["enum"] == [*Status]
    assert schemas["Refund"]["properties"]["status"]["enum"] == [*RefundStatus]
    for name, schema in schemas.items():
        if name.endswith("Page") or name == "RefundList":
            assert set(schema["properties"]) == {"data", "next"} == set(schema["required"]), name


def test_every_example_is_what_its_schema_describes(document: Any) -> None:
    components = {"components": document["components"]}
    found = 0
    for operation in operations(document):
        for holder in (
            operation.told.get("requestBody", {}),
            *operation.told["responses"].values(),
        ):
            for content in holder.get("content", {}).values():
                if "example" in content:
                    found += 1
                    schema = content["schema"] | components
                    jsonschema_rs.validate(schema, content["example"], validate_formats=True)
    assert found > 100


def test_two_applications_do_not_share_anything(app: Flask, client: FlaskClient) -> None:
    first = client.get("/api/openapi.json").get_json()
    assert app.test_client().get("/api/openapi.json").get_json() == first


def test_people_can_read_it_without_scripts_or_foreign_servers(client: FlaskClient) -> None:
    page = client.get("/api/docs")
    assert page.mimetype == "text/html"
    for method, path in PROMISED:
        assert f">{method}</span> <code>{path}</code>" in page.text
    assert "For: buyer, service." in page.text
    assert "lines[].unit_amount" in page.text
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert not re.search(r"(?:src|href|url\()=?[\"']?(?:https?:)?//", page.text)
    assert "style-src 'self'" in page.headers["Content-Security-Policy"]
    assert client.get("/api/docs.css").mimetype == "text/css"
