"""One well-formed request for every route: what the matrix of callers and objects sends.

A route without an entry here fails tests/security/test_matrix.py. `$order` and the like stand for
the id of such a thing; `owners` are the people who may reach their own through the route.
"""

import datetime as dt
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Body = Mapping[str, Any]

BOTH = ("buyer", "seller")
KINDS = {  # by the name of a path's parameter; others are names of things that are everybody's
    "order_id": "order",
    "payment_id": "payment",
    "refund_id": "refund",
    "release_id": "release",
    "escrow_id": "escrow",
    "payout_id": "payout",
    "destination_id": "destination",
    "party_id": "party",
    "number": "number",
}
FIXED = {
    "kind": "session_key",
    "path": "assets:nothing",
    "address": "nowhere",
    "chart": "balance",
    "package": "xero",
    "month": "2026-01",
    "report": "trial-balance",
    "name": "journal",
    "format_name": "csv",
}
MISSING = {
    "order": "ord_00000000000000000000000000",
    "payment": "pay_00000000000000000000000000",
    "refund": "rfd_00000000000000000000000000",
    "release": "rel_00000000000000000000000000",
    "escrow": "esc_00000000000000000000000000",
    "payout": "pyt_00000000000000000000000000",
    "destination": "dst_00000000000000000000000000",
    "party": "pty_00000000000000000000000000",
    "number": "S0001-2026-000001",
}
_NAMED = re.compile(r"\$(\w+)")
_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


@dataclass(frozen=True)
class Entry:
    """What is sent to a route: a body (None: none), a query; `reference` adds a fresh one."""

    body: Body | None = None
    owners: tuple[str, ...] = ()
    query: str = ""
    reference: bool = True
    raw: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hidden_from: tuple[str, ...] = ()  # roles for which even what is there is not

    def json(self, id_of: Callable[[str], str]) -> Body | None:
        """Return the body with the ids of what it names."""
        if self.body is None:
            return None
        filled: dict[str, Any] = _fill(self.body, id_of)
        return ({"reference": secrets.token_hex(16)} if self.reference else {}) | filled

    @property
    def kinds(self) -> set[str]:
        """What of somebody's the body and the query name."""
        return set(_NAMED.findall(f"{self.body} {self.query}")) - {"tomorrow"}


def path_of(rule: str, entry: Entry, id_of: Callable[[str], str]) -> str:
    """Return the path and query of a request."""

    def value(found: re.Match[str]) -> str:
        converter, name = found[1], found[2]
        if name in KINDS:
            return id_of(KINDS[name])
        return FIXED.get(name) or {"entry": "jrn_0"}.get(converter, f"{name[:3]}_{'0' * 26}")

    return _PARAMETER.sub(value, rule) + _NAMED.sub(lambda found: id_of(found[1]), entry.query)


def kinds_of(rule: str) -> set[str]:
    """What of somebody's a path names."""
    return {KINDS[name] for _, name in _PARAMETER.findall(rule) if name in KINDS}


def _fill(value: Any, id_of: Callable[[str], str]) -> Any:
    if value == "$tomorrow":
        return (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()  # noqa: TID251 - the application's clock is real
    if isinstance(value, str) and value.startswith("$"):
        return id_of(value[1:])
    if isinstance(value, Mapping):
        return {name: _fill(one, id_of) for name, one in value.items()}
    return [_fill(one, id_of) for one in value] if isinstance(value, list) else value


_WHY = {"X-Access-Reason": "Ticket 4711"}
_REASON = {"reason": "The matrix asks."}
_LINE = {"description": "A print", "quantity": 1, "unit_amount": "100", "tax_rate": "19"}
_URLS = {"success_url": "https://shop.test/a", "cancel_url": "https://shop.test/b"}
_RENT = [
    {"account": "expenses:rent", "asset": "EUR", "debit": "100"},
    {"account": "liabilities:accrued:rent", "asset": "EUR", "credit": "100"},
]

REQUESTS: dict[str, Entry] = {
    "POST /api/session": Entry(),
    "POST /api/session/end": Entry({"party_id": MISSING["party"]}, reference=False),
    "GET /api/events": Entry(),
    # ---- parties and orders
    "POST /api/parties": Entry({"name": "Ada"}),
    "GET /api/parties": Entry(query="?email=ada@example.com"),
    "POST /api/parties/<id:party_id>/erase": Entry(_REASON),
    "GET /api/parties/<id:party_id>": Entry(owners=BOTH),
    "PUT /api/parties/<id:party_id>/kyc": Entry({"level": "basic"}, reference=False),
    "GET /api/parties/<id:party_id>/payout-destinations": Entry(owners=BOTH),
    "POST /api/parties/<id:party_id>/payout-destinations": Entry(
        {"kind": "stripe", "account": "acct_1Nv0FGQ9RKHgCVdK"}, owners=BOTH
    ),
    "POST /api/orders": Entry(
        {"buyer_id": "$buyer", "seller_id": "$seller", "currency": "EUR", "lines": [_LINE]}
    ),
    "GET /api/orders/<id:order_id>": Entry(owners=BOTH),
    # ---- payments and refunds
    "GET /api/payments": Entry(owners=BOTH),
    "GET /api/payments/<id:payment_id>": Entry(owners=BOTH),
    "GET /api/payments/<id:payment_id>/declines": Entry(),
    "GET /api/payments/<id:payment_id>/timeline": Entry(owners=BOTH),
    "GET /api/payments/<id:payment_id>/refunds": Entry(owners=BOTH),
    "POST /api/payments/intents": Entry({"order_id": "$order"}, owners=("buyer",)),
    "POST /api/payments/stripe/checkout-session": Entry(
        {"order_id": "$order"} | _URLS, owners=("buyer",)
    ),
    "POST /api/payments/bank/link": Entry(
        {"order_id": "$order", "return_url": "https://shop.test/a"}, owners=("buyer",)
    ),
    "POST /api/payments/<id:payment_id>/confirm": Entry(
        {"payment_method": "pm_card_visa"}, owners=("buyer",)
    ),
    "POST /api/payments/<id:payment_id>/cancel": Entry({}, owners=("buyer",)),
    "POST /api/payments/<id:payment_id>/capture": Entry({}),
    "POST /api/payments/<id:payment_id>/refunds": Entry({"amount": "99999999"}),
    "GET /api/refunds/<id:refund_id>": Entry(owners=BOTH),
    # ---- escrow, releases, payouts
    "GET /api/escrow/<id:escrow_id>": Entry(owners=BOTH),
    "POST /api/escrow/<id:escrow_id>/dispute": Entry(_REASON, owners=BOTH),
    "POST /api/escrow/<id:escrow_id>/refund": Entry({}),
    "POST /api/escrow/deploy-contract": Entry(
        {"order_id": "$order", "asset": "USDC"}, owners=("buyer",)
    ),
    "POST /api/escrow/monitor-deployment": Entry(
        {"escrow_id": "$escrow"}, owners=("buyer",), reference=False
    ),
    "POST /api/escrow/release": Entry({"order_id": "$order", "amount": "99999999"}),
    "GET /api/releases": Entry(owners=BOTH, query="?order_id=$order"),
    "GET /api/releases/<id:release_id>": Entry(owners=BOTH),
    "POST /api/releases/<id:release_id>/approve": Entry({}),
    "POST /api/releases/<id:release_id>/cancel": Entry(_REASON),
    "GET /api/payouts": Entry(owners=("seller",)),
    "GET /api/payouts/<id:payout_id>": Entry(owners=("seller",)),
    "POST /api/payouts/<id:payout_id>/retry": Entry({}),
    "POST /api/payout-destinations/<id:destination_id>/approve": Entry({}),
    "POST /api/payout-destinations/<id:destination_id>/reject": Entry({}),
    # ---- documents
    "GET /api/invoices/<id:order_id>": Entry(owners=BOTH, headers=_WHY, hidden_from=("operator",)),
    "GET /api/invoices/<id:order_id>.pdf": Entry(
        owners=BOTH, headers=_WHY, hidden_from=("operator",)
    ),
    "GET /api/invoices/<id:order_id>.xml": Entry(
        owners=BOTH, headers=_WHY, hidden_from=("operator",)
    ),
    "GET /api/invoices/<id:order_id>/<document:number>.pdf": Entry(
        owners=BOTH, headers=_WHY, hidden_from=("operator",)
    ),
    "GET /api/invoices/<id:order_id>/<document:number>.xml": Entry(
        owners=BOTH, headers=_WHY, hidden_from=("operator",)
    ),
    "POST /api/invoices/<id:order_id>/links": Entry(
        _REASON, owners=BOTH, reference=False, hidden_from=("operator",)
    ),
    # ---- ledger
    "GET /api/ledger/accounts": Entry(),
    "GET /api/ledger/accounts/<account:path>/statement": Entry(query="?asset=EUR"),
    "GET /api/ledger/charts/<name:chart>.svg": Entry(),
    "GET /api/ledger/entries": Entry(),
    "POST /api/ledger/entries": Entry(_REASON | {"effective_on": "2026-11-01", "lines": _RENT}),
    "GET /api/ledger/entries/<entry:entry_id>": Entry(),
    "POST /api/ledger/entries/<entry:entry_id>/reverse": Entry(_REASON),
    "POST /api/ledger/entries/<id:entry_id>/approve": Entry({}),
    "POST /api/ledger/entries/<id:entry_id>/reject": Entry(_REASON),
    "GET /api/ledger/exports": Entry(),
    "POST /api/ledger/exports": Entry({"report": "journal", "format": "csv"}),
    "GET /api/ledger/exports/<id:export_id>": Entry(),
    "GET /api/ledger/exports/<id:export_id>/download": Entry(),
    "GET /api/ledger/mappings/<package:package>": Entry(),
    "PUT /api/ledger/mappings/<package:package>": Entry({"data": []}, reference=False),
    "GET /api/ledger/periods": Entry(),
    "GET /api/ledger/periods/<month:month>": Entry(),
    "POST /api/ledger/periods/<month:month>/close": Entry({}),
    "POST /api/ledger/periods/<month:month>/reopen": Entry(_REASON),
    "GET /api/ledger/periods/<month:month>/reports/<name:name>.<name:format_name>": Entry(),
    "GET /api/ledger/reports/<name:report>": Entry(),
    # ---- reconciliation
    "GET /api/reconciliation/findings": Entry(),
    "PATCH /api/reconciliation/findings/<id:finding_id>": Entry({"owner": "ada"}, reference=False),
    "GET /api/reconciliation/matches": Entry(),
    "POST /api/reconciliation/matches/<id:match_id>/undo": Entry(_REASON),
    "GET /api/reconciliation/runs": Entry(),
    "POST /api/reconciliation/runs": Entry({}),
    "GET /api/reconciliation/runs/<id:run_id>": Entry(),
    "GET /api/reconciliation/statements": Entry(),
    "POST /api/reconciliation/statements": Entry(query="?account=main&format=mt940", raw=b"no"),
    "GET /api/reconciliation/unmatched": Entry(),
    "POST /api/reconciliation/unmatched/<id:item_id>/match": Entry({}),
    "POST /api/reconciliation/unmatched/<id:line_id>/discard": Entry(_REASON),
    "POST /api/reconciliation/unmatched/<id:receipt_id>/refund": Entry({}),
    # ---- operations
    "POST /api/ops/deadlines/extend": Entry(
        _REASON | {"payment_ids": ["pay_none"], "extend_until": "$tomorrow"}
    ),
    "POST /api/ops/freeze": Entry(_REASON | {"order_id": MISSING["order"]}),
    "GET /api/ops/freezes": Entry(),
    "GET /api/ops/restores": Entry(),
    "POST /api/ops/restores": Entry(_REASON | {"restored_to": "2099-01-01T00:00:00Z"}),
    "GET /api/ops/restores/<id:restore_id>": Entry(),
    "POST /api/ops/restores/<id:restore_id>/reconcile": Entry({}),
    "POST /api/ops/restores/findings/<id:finding_id>/settle": Entry({"note": "Nothing."}),
    "POST /api/ops/restores/<id:restore_id>/finish": Entry({}),
    "GET /api/keys/<id:key_id>/uses": Entry(),
    "POST /api/ops/events/self-test": Entry({}, reference=False),
    "GET /api/ops/bank-search": Entry(query="?amount=1"),
    "GET /api/ops/duplicates": Entry(),
    "GET /api/ops/orders/<id:order_id>/balances": Entry(),
    "GET /api/ops/search": Entry(query="?q=ord_00000000000000000000000000"),
    "POST /api/ops/unfreeze": Entry(_REASON),
    "GET /api/ops/alerts": Entry(),
    "GET /api/ops/alerts/conditions": Entry(),
    "GET /api/ops/alerts/<id:alert_id>": Entry(),
    "POST /api/ops/alerts/<id:alert_id>/acknowledge": Entry({}),
    "POST /api/ops/alerts/test": Entry({"target": "on_call"}),
    "GET /api/ops/incidents": Entry(),
    "POST /api/ops/incidents": Entry({"title": "Nothing", "severity": "notice"}),
    "GET /api/ops/incidents/<id:incident_id>": Entry(),
    "PATCH /api/ops/incidents/<id:incident_id>": Entry({"note": "Nothing."}),
    "GET /api/ops/pending": Entry(),
    "POST /api/ops/payments/<id:payment_id>/ask-provider": Entry({}),
    "POST /api/ops/stripe/poll": Entry({}),
    "GET /api/ops/asks": Entry(),
    "POST /api/ops/asks": Entry({"provider": "stripe"}),
    "GET /api/ops/asks/<id:ask_id>": Entry(),
    "GET /api/ops/dead-letters": Entry(),
    "GET /api/ops/dead-letters/<id:letter_id>": Entry(headers=_WHY),
    "POST /api/ops/dead-letters/replay": Entry(_REASON | {"kind": "job", "all": True}),
    "POST /api/ops/dead-letters/discard": Entry(_REASON | {"kind": "job", "ids": ["obx_1"]}),
    "GET /api/ops/webhooks/refusals": Entry(),
    "GET /api/ops/webhooks/proof": Entry(query="?provider=truelayer"),
    "GET /api/ops/webhooks": Entry(),
    "POST /api/ops/webhooks/replay": Entry({"source": "stripe", "ids": ["evt_none"]}),
    "GET /api/ops/webhooks/replay/<id:replay_id>": Entry(),
    "PUT /api/ops/webhooks/retry-window": Entry(
        {"provider": "stripe", "hours": 72}, reference=False
    ),
    # ---- keys, notices
    "GET /api/keys": Entry(),
    "POST /api/keys": Entry({"name": "A key", "role": "support"}),
    "DELETE /api/keys/<id:key_id>": Entry(),
    "POST /api/keys/<id:key_id>/rotate": Entry({}),
    "GET /api/notices": Entry(),
    "GET /api/notices/endpoints": Entry(),
    "POST /api/notices/endpoints": Entry({"url": "https://hooks.shop.test/in"}),
    "DELETE /api/notices/endpoints/<id:endpoint_id>": Entry(),
    "GET /api/notices/endpoints/<id:endpoint_id>": Entry(),
    "PATCH /api/notices/endpoints/<id:endpoint_id>": Entry({"enabled": False}, reference=False),
    "POST /api/notices/endpoints/<id:endpoint_id>/rotate-secret": Entry({}),
    "POST /api/notices/endpoints/<id:endpoint_id>/test": Entry({}),
    "POST /api/notices/replay": Entry({"endpoint_id": "nep_none", "notice_ids": ["evt_none"]}),
    # ---- secrets and encryption
    "GET /api/secrets": Entry(),
    "POST /api/secrets/<secret_kind:kind>/rotate": Entry({}),
    "DELETE /api/secrets/<id:version_id>": Entry(),
    "GET /api/encryption": Entry(),
    "POST /api/encryption/rotate": Entry({}),
    "GET /api/audit": Entry(),
    "GET /api/audit/export": Entry(),
    # ---- the console's pages
    "GET /metrics": Entry(),
    "GET /console": Entry(),
    "GET /console/<path:address>": Entry(),
    "GET /console/runbooks": Entry(),
    "GET /console/runbooks/<name:name>": Entry(),
    "GET /console/releases": Entry(),
    "GET /console/webhooks": Entry(),
    "GET /console/reconciliation": Entry(),
    "GET /console/secrets": Entry(),
    "GET /console/audit": Entry(),
    "GET /console/periods": Entry(),
    "GET /console/escrows/<id:escrow_id>": Entry(),
    "GET /console/pending": Entry(),
    "GET /console/dead-letters": Entry(),
    "GET /console/restores": Entry(),
    "GET /console/restores/<id:restore_id>": Entry(),
    "GET /console/incidents": Entry(),
    "GET /console/incidents/<id:incident_id>": Entry(),
    "GET /console/alerts": Entry(),
    "GET /console/alerts/<id:alert_id>": Entry(),
    "GET /console/secrets/keys/<id:key_id>": Entry(),
    "GET /console/finance": Entry(),
    "GET /console/orders/<id:order_id>": Entry(),
    "GET /console/payments/<id:payment_id>": Entry(),
    "GET /console/search": Entry(query="q=ord_nothing"),
    "GET /console/finance/periods/<month:month>": Entry(),
    "GET /console/finance/reports/<name:report>": Entry(),
}
