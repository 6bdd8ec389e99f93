"""What a running system tells Prometheus; rules and dashboard ask for nothing else."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # it has no types
from prometheus_client.parser import text_string_to_metric_families

from payments.overview.figures import FIGURES
from payments.overview.scrape import DATABASE_READ, PROCESSES
from payments.telemetry.meters import METERS
from sandbox.way_in import loopback_session
from tests.architecture.sources import ROOT
from tests.jobs.processes import eventually
from tests.journeys.conftest import System
from web.runbooks import RUNBOOKS

DOCS = ROOT / "docs"
_METRIC = re.compile(r"\bstrongroom_[a-z_]+")
_BY = re.compile(r"\bby \(([a-z, ]+)\)")
_CHOSEN = re.compile(r"([a-z_]+)(?:=~|!~|!=|=)\"")
_SUFFIXES = ("_bucket", "_sum", "_count")
PAID = 135  # dollars, for what the cast orders

Scrape = Mapping[str, Any]


def scrape(system: System) -> Scrape:
    """Return what the system tells, by the names of its metrics."""
    answer = loopback_session().get(f"{system.way_in.base_url}/metrics", timeout=10)
    assert answer.status_code == 200
    found = {}
    for family in text_string_to_metric_families(answer.text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = family
    return found


def value(told: Scrape, name: str, **labels: str) -> Any:
    """Return the sum of the samples of a metric that have these labels."""
    return sum(
        sample.value
        for sample in told[name.removesuffix("_count")].samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def _holding(told: Scrape, at_least: Any) -> Scrape | None:
    return told if value(told, "strongroom_money_held", currency="USD") >= at_least else None


@pytest.fixture(scope="module")
def told(system: System) -> Scrape:
    """What is told after a payment by card was made and its event came."""
    before = scrape(system)
    with system.listening() as listener:
        payment = system.pay()
        system.wait_until(listener, payment, "succeeded")
        while_open = scrape(system)
    # The figures of the database are those of up to five seconds ago.
    held = value(before, "strongroom_money_held", currency="USD") + PAID
    after = eventually(lambda: _holding(scrape(system), held)) or {}
    assert value(while_open, "strongroom_streams") >= value(before, "strongroom_streams") + 1
    for name, labels in (
        ("strongroom_http_requests_total", {"route": "/api/payments/intents", "status": "201"}),
        ("strongroom_http_request_seconds_count", {"route": "/api/payments/intents"}),
        ("strongroom_provider_calls_total", {"operation": "POST payment_intents", "outcome": "ok"}),
        ("strongroom_provider_call_seconds_count", {"provider": "stripe"}),
        ("strongroom_webhooks_total", {"provider": "stripe", "outcome": "stored"}),
        ("strongroom_jobs_total", {"job": "drain_webhooks", "outcome": "done"}),
        ("strongroom_live_events_total", {}),
        ("strongroom_ledger_entries_total", {"kind": "charge"}),
        ("strongroom_log_lines_total", {"level": "info"}),
    ):
        assert value(after, name, **labels) > value(before, name, **labels), name
    return after


def test_a_payment_is_seen_by_every_process_that_had_to_do_with_it(told: Scrape) -> None:
    roles = {sample.labels["role"] for sample in told["strongroom_processes"].samples}
    assert roles == {"web", "worker", "relay"}
    assert value(told, "strongroom_database_read") == 1
    assert value(told, "strongroom_money_held", currency="USD") >= PAID
    assert value(told, "strongroom_ledger_postings_total") > 0


def test_every_metric_there_is_is_told_with_the_labels_it_says(told: Scrape) -> None:
    declared = {one.name: set(one.labels) for one in _declared()}
    assert {name for name in told if name.startswith("strongroom_")} == set(declared)
    for name, labels in declared.items():
        for sample in told[name].samples:
            assert set(sample.labels) - {"le"} == labels, sample


def test_no_label_holds_an_id_an_address_or_a_person(told: Scrape) -> None:
    for family in told.values():
        for sample in family.samples:
            text = " ".join(sample.labels.values())
            assert not re.search(r"[a-z]{2,5}_[0-9A-Z]{26}|0x[0-9a-f]{8}|@|\d+\.\d+\.\d+", text)


def test_alert_rules_ask_for_what_is_told(told: Scrape) -> None:
    rules = yaml.safe_load((DOCS / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    anchors = {"seeing-inside"} | {anchor_of(runbook.heading) for runbook in RUNBOOKS}
    for rule in rules:
        check_expression(rule["expr"], told)
        assert rule["labels"]["severity"] in {"P1", "P2"}
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/operating.md"
        assert anchor in anchors, rule["alert"]
        for label in re.findall(r"\$labels\.([a-z]+)", rule["annotations"]["summary"]):
            assert label in " ".join(_BY.findall(rule["expr"])), rule["alert"]
    assert len({rule["alert"] for rule in rules}) == len(rules)


def test_the_dashboard_asks_for_what_is_told(told: Scrape) -> None:
    expressions = list(_queries(DOCS / "grafana" / "strongroom.json"))
    assert len(expressions) > 30
    for expression in expressions:
        check_expression(expression, told)


def test_the_handbook_lists_every_metric() -> None:
    text = (DOCS / "operating.md").read_text()
    section = text[text.index("## Seeing inside") :].split("\n## ")[0]
    listed = set(re.findall(r"^\| `(strongroom_[a-z_]+)`", section, re.MULTILINE))
    assert listed == {one.name for one in _declared()}
    for one in _declared():
        labels = ", ".join(f"`{label}`" for label in one.labels) or "none"
        assert f"| `{one.name}` | {one.kind} | {labels} | {one.told} |" in section, one.name


def anchor_of(heading: str) -> str:
    """Return what a heading of Markdown is linked by."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def check_expression(expression: str, told: Scrape) -> None:
    """Check that all an expression asks for is there, by names and labels."""
    names = set()
    for found in _METRIC.findall(expression):
        whole = [found, *(found.removesuffix(suffix) for suffix in _SUFFIXES)]
        [name] = {name for name in whole if name in told} or {found}
        assert name in told, f"{expression} asks for {found}"
        names.add(name)
    assert names, expression
    labels = {"le"} | {label for one in _declared() if one.name in names for label in one.labels}
    asked = {label.strip() for group in _BY.findall(expression) for label in group.split(",")}
    assert asked | set(_CHOSEN.findall(expression)) <= labels, expression


def _declared() -> list[Any]:
    return [*METERS, *FIGURES, PROCESSES, DATABASE_READ]


def _queries(path: Path) -> Iterator[str]:
    for panel in json.loads(path.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
