"""Every problem code, provoked over HTTP; and the same codes in the source and in docs/api.md."""

import ast
import datetime as dt
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

import ledger
from payments.access.caller import Role
from payments.database import in_transaction
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.providers.facts import DisputeReported, DisputeStatus
from payments.settings import Settings
from tests.architecture.sources import ROOT
from tests.payments.conftest import Line, line, simulated
from tests.payments.reconciliation.statements.camt_files import balanced
from tests.payments.shop import NOW, Shop
from tests.security.one_world import sign
from tests.web import (
    desk_provocations,
    escrow_provocations,
    export_provocations,
    incident_provocations,
    invoice_provocations,
    limit_provocations,
    mapping_provocations,
    party_provocations,
    payout_provocations,
    period_provocations,
    release_provocations,
    secret_provocations,
)
from tests.web.conftest import Headers, KeyOf, MakeApp
from tests.web.provocations import PROVOKED, provokes
from tests.web.test_payments import DECLINED, buyer, settings, shop
from web.policies import public
from web.problems import PROBLEMS
from web.streams import current_hub, end_streams

__all__ = [
    "buyer",
    "desk_provocations",
    "escrow_provocations",
    "export_provocations",
    "incident_provocations",
    "invoice_provocations",
    "limit_provocations",
    "line",
    "mapping_provocations",
    "party_provocations",
    "payout_provocations",
    "period_provocations",
    "release_provocations",
    "secret_provocations",
    "settings",
    "shop",
    "simulated",
]

CARD = {"payment_method": "pm_card_visa"}
TRY_AGAIN = {"in_progress", "invoice_not_ready", "rate_limited", "too_many_requests", "unavailable"}


@dataclass
class Stage:
    """Who and what a provocation needs."""

    client: FlaskClient
    engine: Engine
    shop: Shop
    buyer: Headers
    key_of: KeyOf
    line: Line

    def post(self, path: str, body: dict[str, Any], *, role: Role | None = None) -> TestResponse:
        """Post as the buyer, or with a key of the role, under a fresh reference."""
        body = {"reference": secrets.token_hex(16)} | body
        return self.client.post(path, json=body, headers=self.key_of(role) if role else self.buyer)

    def start(self, order_id: str | None = None, **body: Any) -> TestResponse:
        order_id = order_id or self.shop.order().id
        return self.post("/api/payments/intents", {"order_id": order_id} | body)

    def started(self, **body: Any) -> str:
        return f"/api/payments/{self.start(**body).get_json()['id']}"

    def paid(self, **body: Any) -> str:
        path = self.started(**body)
        assert self.post(f"{path}/confirm", CARD).status_code == 200
        return path

    def order_of(self, path: str) -> str:
        return str(self.client.get(path, headers=self.buyer).get_json()["order_id"])

    def act(self, path: str, action: str, **body: Any) -> TestResponse:
        return self.post(f"{path}/{action}", body, role=Role.SERVICE)


# ---- what is wrong with the request ------------------------------------------------------------


@provokes("validation")
def a_field_is_missing(stage: Stage) -> TestResponse:
    return stage.post("/api/parties", {"email": "nobody"}, role=Role.SERVICE)


@provokes("reference_required")
def there_is_no_reference(stage: Stage) -> TestResponse:
    headers = stage.key_of(Role.SERVICE)
    return stage.client.post("/api/parties", json={"name": "Ada"}, headers=headers)


@provokes("reference_reused")
def the_reference_was_used_for_something_else(stage: Stage) -> TestResponse:
    reference = {"reference": secrets.token_hex(16)}
    stage.post("/api/parties", reference | {"name": "Ada"}, role=Role.SERVICE)
    headers = stage.key_of(Role.SERVICE)
    for name in ("Ada", "Eve"):
        body = reference | {"name": name}
        answer = stage.client.post("/api/parties", json=body, headers=headers)
    return answer


@provokes("credentials_in_url")
def a_key_stands_in_the_url(stage: Stage) -> TestResponse:
    return stage.client.get("/api/status?api_key=srk_test_1")


@provokes("invalid_signature")
def the_webhook_is_not_signed(stage: Stage) -> TestResponse:
    return stage.client.post("/api/webhooks/stripe", data=b"{}")


@provokes("too_large")
def the_body_is_over_a_megabyte(stage: Stage) -> TestResponse:
    return stage.post("/api/parties", {"name": "a" * 1_000_001}, role=Role.SERVICE)


@provokes("unsupported_media_type")
def the_body_is_no_json(stage: Stage) -> TestResponse:
    return stage.client.post("/api/parties", data="name=Ada", headers=stage.key_of(Role.SERVICE))


@provokes("method_not_allowed")
def the_address_knows_other_methods(stage: Stage) -> TestResponse:
    return stage.client.delete("/api/parties")


def import_statement(stage: Stage, content: bytes) -> TestResponse:
    headers = stage.key_of(Role.FINANCE)
    path = "/api/reconciliation/statements?account=main"
    return stage.client.post(path, data=content, headers=headers)


@provokes("statement_unreadable")
def the_file_is_cut_off(stage: Stage) -> TestResponse:
    return import_statement(stage, balanced("1.00")[:-20])


@provokes("statement_not_balanced")
def a_line_is_missing(stage: Stage) -> TestResponse:
    return import_statement(
        stage, balanced("1.00").replace(b"<Ntry>", b"<Note>", 1).replace(b"</Ntry>", b"</Note>", 1)
    )


@provokes("statement_of_other_account")
def it_is_of_another_bank(stage: Stage) -> TestResponse:
    return import_statement(stage, balanced("1.00").replace(b"DE8937", b"DE8938"))


# ---- who may -----------------------------------------------------------------------------------


@provokes("unauthorized")
def nobody_calls(stage: Stage) -> TestResponse:
    return stage.client.get("/api/payments")


@provokes("role_forbidden")
def the_role_may_not(stage: Stage) -> TestResponse:
    return stage.client.get("/api/keys", headers=stage.buyer)


@provokes("scope_missing")
def the_key_is_for_something_else(stage: Stage) -> TestResponse:
    headers = stage.key_of(Role.SERVICE, scopes=("orders.read",))
    return stage.client.get("/api/payments", headers=headers)


@provokes("origin_not_trusted")
def another_site_uses_the_cookie(stage: Stage) -> TestResponse:
    stage.client.post("/api/session", headers=stage.buyer)
    return stage.client.delete("/api/session", headers={"Origin": "https://evil.test"})


@provokes("token_required")
def a_key_starts_no_session(stage: Stage) -> TestResponse:
    return stage.client.post("/api/session", headers=stage.key_of(Role.ADMIN))


@provokes("step_up_required")
def staff_come_without_a_second_factor(stage: Stage) -> TestResponse:
    return stage.client.get("/api/keys", headers=sign("pty_1", Role.ADMIN, amr=["pwd"]))


@provokes("not_found")
def it_is_somebody_elses(stage: Stage) -> TestResponse:
    return stage.client.get("/api/payments/pay_0", headers=stage.buyer)


# ---- the state of things -----------------------------------------------------------------------


@provokes("conflict")
def the_key_was_revoked(stage: Stage) -> TestResponse:
    body = {"name": "Books", "role": "finance"}
    key = stage.post("/api/keys", body, role=Role.ADMIN).get_json()["id"]
    stage.client.delete(f"/api/keys/{key}", headers=stage.key_of(Role.ADMIN))
    return stage.post(f"/api/keys/{key}/rotate", {}, role=Role.ADMIN)


@provokes("order_not_open")
def the_order_is_paid(stage: Stage) -> TestResponse:
    return stage.start(stage.order_of(stage.paid()))


@provokes("payment_in_progress")
def another_payment_has_reserved_the_money(stage: Stage) -> TestResponse:
    return stage.start(stage.order_of(stage.paid(capture="manual")))


@provokes("currency_not_supported")
def no_card_pays_in_bitcoin(stage: Stage) -> TestResponse:
    return stage.start(stage.shop.order(currency="BTC").id)


@provokes("payment_not_confirmable")
def it_is_paid(stage: Stage) -> TestResponse:
    return stage.post(f"{stage.paid()}/confirm", CARD)


@provokes("payment_not_cancelable")
def the_money_was_taken(stage: Stage) -> TestResponse:
    return stage.act(stage.paid(), "cancel")


@provokes("payment_not_extendable")
def it_is_paid_by_card(stage: Stage) -> TestResponse:
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)  # noqa: TID251 - the application's clock is real here
    body = {
        "payment_ids": [stage.started().rpartition("/")[2]],
        "extend_until": tomorrow.isoformat(),
        "reason": "The bank is slow.",
    }
    return stage.post("/api/ops/deadlines/extend", body, role=Role.OPERATOR)


@provokes("payment_not_capturable")
def nothing_is_reserved(stage: Stage) -> TestResponse:
    return stage.act(stage.started(capture="manual"), "capture")


@provokes("amount_too_large")
def less_is_reserved(stage: Stage) -> TestResponse:
    return stage.act(stage.paid(capture="manual"), "capture", amount="11901")


@provokes("payment_not_refundable")
def nothing_was_paid(stage: Stage) -> TestResponse:
    return stage.act(stage.started(), "refunds")


@provokes("payment_disputed")
def the_buyers_bank_wants_it_back(stage: Stage) -> TestResponse:
    path = stage.paid()
    dispute = DisputeReported(
        provider="stripe",
        provider_ref=None,
        payment_id=path.rpartition("/")[2],
        occurred_at=NOW,
        dispute_ref=f"dp_{secrets.token_hex(16)}",
        amount=11_900,
        currency="EUR",
        status=DisputeStatus.OPEN,
        reason="fraudulent",
    )
    in_transaction(
        stage.engine,
        lambda session: record_facts(session, [SourcedFact(dispute, "test")], now=NOW),
    )
    return stage.act(path, "refunds")


@provokes("refund_exceeds_payment")
def less_was_paid(stage: Stage) -> TestResponse:
    return stage.act(stage.paid(), "refunds", amount="11901")


@provokes("funds_released")
def the_seller_has_it(stage: Stage) -> TestResponse:
    path = stage.paid()
    escrow = (f"liabilities:escrow:{stage.order_of(path)}", "EUR")
    seller = ledger.AccountSpec(f"liabilities:seller:{stage.shop.seller_id}", "EUR")
    with stage.engine.begin() as connection:
        ids = ledger.open_accounts(connection, [seller])
        ids |= ledger.find_account_ids(connection, [escrow])
        lines = [
            ledger.Posting(ids[escrow], 5_000),
            ledger.Posting(ids[seller.path, "EUR"], -5_000),
        ]
        entry = ledger.Entry(f"rel_{secrets.token_hex(16)}", "release", NOW, lines)
        ledger.post(connection, entry)
    return stage.act(path, "refunds")


# ---- Stripe, and parts of ours -----------------------------------------------------------------


@provokes("card_declined")
def the_card_is_empty(stage: Stage) -> TestResponse:
    return stage.post(f"{stage.started()}/confirm", {"payment_method": DECLINED})


@provokes("provider_refused")
def stripe_refuses(stage: Stage) -> TestResponse:
    path = stage.started()
    stage.line.fault = 400
    return stage.post(f"{path}/confirm", CARD)


@provokes("unavailable")
def stripe_does_not_answer(stage: Stage) -> TestResponse:
    path = stage.started()
    stage.line.fault = "no_line"
    return stage.post(f"{path}/confirm", CARD)


@provokes("in_progress")
def somebody_acts_on_the_payment(stage: Stage) -> TestResponse:
    path = stage.started()
    stage.line.fault = "lost_answer"
    stage.post(f"{path}/confirm", CARD)
    return stage.act(path, "cancel")


@provokes("too_many_requests")
def five_streams_are_open(stage: Stage) -> TestResponse:
    open_ones = [stage.client.get("/api/events", headers=stage.buyer) for _ in range(5)]
    answer = stage.client.get("/api/events", headers=stage.buyer)
    for stream in open_ones:
        stream.close()
    return answer


@provokes("internal")
def we_made_a_mistake(stage: Stage) -> TestResponse:
    return stage.client.get("/boom")


# ---- the table ---------------------------------------------------------------------------------

FIELDS = {
    "validation": {"name"},
    "statement_unreadable": {"file"},
    "statement_not_balanced": {"statement 1 (line 3), balances"},
    "statement_of_other_account": {"statement 1 (line 3), account"},
    "reference_required": {"reference"},
    "reason_required": {"reason"},
    "amount_too_large": {"amount"},
    "refund_exceeds_payment": {"amount"},
    "funds_released": {"amount"},
    "payment_not_extendable": {"payment_ids"},
    "asset_not_order_currency": {"asset"},
    "release_exceeds_held": {"amount"},
    "period_not_ready": {"earlier_months_closed", "reconciled"},
    "mapping_missing": {"assets:till", "equity:adjustments"},
}


@pytest.fixture
def app(make_app: MakeApp, settings: Settings) -> Flask:
    app = make_app(settings)

    @public("a test")
    def boom() -> str:
        raise RuntimeError("secret of the house")

    app.add_url_rule("/boom", view_func=boom)
    return app


@pytest.fixture
def stage(
    app: Flask, engine: Engine, shop: Shop, buyer: Headers, key_of: KeyOf, line: Line
) -> Iterator[Stage]:
    yield Stage(app.test_client(), engine, shop, buyer, key_of, line)
    end_streams(app)
    with app.app_context():
        current_hub().wait_until_closed()


@pytest.mark.parametrize("code", PROBLEMS)
def test_each_code_is_answered_as_documented(stage: Stage, code: str) -> None:
    answer = PROVOKED[code](stage)
    problem = answer.get_json()
    assert (problem["code"], answer.status_code) == (code, PROBLEMS[code].status)
    assert answer.content_type == "application/problem+json"
    assert problem["type"] == f"urn:strongroom:problem:{code}"
    assert problem["status"] == answer.status_code
    assert problem["title"] == PROBLEMS[code].status.phrase
    assert bool(problem.get("detail")) == (code != "internal")
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert set(problem["errors"]) == FIELDS.get(code, set()), problem
    assert ("Retry-After" in answer.headers) == (code in TRY_AGAIN)
    assert ("Allow" in answer.headers) == (code == "method_not_allowed")
    challenged = code in ("unauthorized", "step_up_required")
    assert ("WWW-Authenticate" in answer.headers) == challenged
    assert {"stripe_code", "message", "next_step"}.issubset(problem) == (code == "card_declined")
    assert "secret of the house" not in answer.text


def codes_in_the_source() -> set[str]:
    """Every `code="…"` of a call and `code = "…"` of an error class, of what reaches HTTP."""
    found = set()
    for folder in ("payments", "web"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                match node:
                    case ast.keyword(arg="code" | "refusal_code", value=ast.Constant(str(code))):
                        found.add(code)
                    case ast.ClassDef(name=name) if name.endswith("Error"):
                        found |= set(_class_codes(node))
    return found


def _class_codes(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name("code")], value=ast.Constant(str(code))):
                yield code


# `error` is nobody's code: of the class that all others come from. `validation` and the rest of
# Werkzeug's stand in a table of web/errors.py.
# The rest is told to jobs, to the signer's process and on the command line, or says why a seller's
# payout failed.
NEVER_TOLD = {
    *("error", "backup_failed"),
    *("chain_id_changed", "reading_torn", "reorganised_too_deep", "turn_lost", "watching_stopped"),
    *("nonce_too_low", "not_final", "reverted", "underpriced", "wrong_chain", "wrong_contract"),
    *("keystore", "no_key", "no_signer", "signing_refused"),
    *("destination_refused", "funds_not_available", "never_arrived", "returned"),
}
FROM_TABLES = {
    "internal",
    "method_not_allowed",
    "request_timeout",
    "too_large",
    "unsupported_media_type",
}


def test_the_table_has_exactly_the_codes_of_the_source() -> None:
    assert codes_in_the_source() - NEVER_TOLD | FROM_TABLES == set(PROBLEMS)


def test_the_page_has_exactly_the_table() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for code, known in PROBLEMS.items():
        row = f"| {known.status.value} | `{code}` | {known.meaning} | {known.remedy} |"
        assert row in page
    assert page.count("| `") >= len(PROBLEMS)


def test_every_code_has_a_provocation_and_each_is_in_the_description() -> None:
    assert PROVOKED.keys() == PROBLEMS.keys()


def test_every_operation_names_only_what_is_in_the_table(stage: Stage) -> None:
    document = stage.client.get("/api/openapi.json").get_json()
    named = {
        code
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if method != "parameters"
        for answer in operation["responses"].values()
        for content in (answer.get("content", {}).get("application/problem+json"),)
        if content
        for code in content["schema"]["properties"]["code"]["enum"]
    }
    assert named == set(PROBLEMS) - {"method_not_allowed"}
