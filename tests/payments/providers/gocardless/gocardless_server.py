"""GoCardless on a port of its own, as far as we use it: JSON envelopes, keys, errors, events.

Written from the documentation of https://developer.gocardless.com/api-reference; the official
client talks to it. What payers, banks and GoCardless do is done by calling its methods.
"""

import datetime as dt
import itertools
import json
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BEGINNING = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
TOKEN = "live_made_up_token"
Resource = dict[str, Any]

_ROUTE = re.compile(r"/(?P<kind>[a-z_]+)(/(?P<id>[A-Z0-9]+)(/actions/(?P<action>[a-z_]+))?)?")
_PREFIXES = {
    "billing_requests": "BRQ",
    "billing_request_flows": "BRF",
    "payments": "PM",
    "refunds": "RF",
    "events": "EV",
}


class Refused(Exception):  # noqa: N818 - GoCardless' word to a caller
    def __init__(self, status: int, kind: str, **error: Any) -> None:
        super().__init__(kind)
        self.status = status
        self.body: Resource = {
            "error": {
                "message": "Quotes 12 Secret Street",
                "type": kind,
                "code": status,
                "request_id": "req-1",
                "errors": [{"message": "quotes 12 Secret Street", **error}],
            }
        }


class GoCardlessServer:
    """Its books, and what it was asked; `faults` break calls of a path, such as `POST /refunds`."""

    def __init__(self) -> None:
        self.books: dict[str, dict[str, Resource]] = {kind: {} for kind in _PREFIXES}
        self.made: dict[tuple[str, str], str] = {}  # by kind and idempotency key
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.faults: dict[str, str | tuple[int, bytes] | Refused] = {}
        self.before: dict[str, Callable[[], None]] = {}
        self.copies_metadata = True
        self._begin = secrets.token_hex(4).upper()  # ids are never used again
        self._numbers = itertools.count(1)
        self._seconds = itertools.count()
        self._lock = threading.RLock()
        self.url = ""

    # ---- what the world does ---------------------------------------------------------------------

    def authorise(self, billing_request: str) -> Resource:
        """Let the payer say yes at their bank; GoCardless makes the payment."""
        request = self.books["billing_requests"][billing_request]
        due = request["payment_request"]
        payment = self._add(
            "payments",
            amount=due["amount"],
            amount_refunded=0,
            currency=due["currency"],
            status="pending_submission",
            metadata=dict(due["metadata"]) if self.copies_metadata else {},
            links={"creditor": "CR1", "mandate": "MD1"},
        )
        request["status"] = "fulfilled"
        request["links"]["payment_request_payment"] = payment["id"]
        self.happen("billing_requests", request, "fulfilled")
        self.happen("payments", payment, "created")
        return payment

    def settle(self, payment: Resource, *actions: str, cause: str = "as_told") -> list[Resource]:
        """Lead a payment through actions that name its status, where it has one of that name."""
        return [self._lead("payments", payment, action, cause) for action in actions]

    def happen(self, kind: str, about: Resource, action: str, cause: str = "as_told") -> Resource:
        return self._add(
            "events",
            action=action,
            resource_type=kind,
            details={"origin": "gocardless", "cause": cause, "description": "As it is."},
            links={kind.removesuffix("s"): about["id"]},
            metadata={},
            resource_metadata=dict(about["metadata"]),
        )

    # ---- what we ask -----------------------------------------------------------------------------

    def answer(self, method: str, target: str, key: str | None, body: Any) -> tuple[int, Resource]:
        parts = urlsplit(target)
        found = _ROUTE.fullmatch(parts.path)
        if found is None or found["kind"] not in self.books:
            raise Refused(404, "invalid_api_usage", reason="resource_not_found")
        kind, one, action = found["kind"], found["id"], found["action"]
        if method == "POST" and one is None:
            return 201, {kind: self._create(kind, key or "", body[kind])}
        if one is None:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            return 200, self._listed(kind, query)
        if one not in self.books[kind]:
            raise Refused(404, "invalid_api_usage", reason="resource_not_found")
        resource = self.books[kind][one]
        if method == "PUT":
            resource["metadata"] = body[kind]["metadata"]
        if action == "cancel":
            if resource["status"] != "pending":
                raise Refused(422, "invalid_state", reason="billing_request_not_cancellable")
            self._lead(kind, resource, "cancelled", "billing_request_cancelled")
        if action == "initialise":
            resource["session_token"] = "tok"
        return 200, {kind: resource}

    def _create(self, kind: str, key: str, wanted: Resource) -> Resource:
        if (kind, key) in self.made:
            before = {"conflicting_resource_id": self.made[kind, key]}
            raise Refused(409, "invalid_state", reason="idempotent_creation_conflict", links=before)
        self._check_metadata(wanted)
        made: Resource = getattr(self, f"_create_{kind}")(wanted)
        self.made[kind, key] = made["id"]
        return made

    def _create_billing_requests(self, wanted: Resource) -> Resource:
        self._check_metadata(wanted["payment_request"])
        if wanted["payment_request"]["amount"] < 1:
            raise Refused(422, "validation_failed", field="amount", request_pointer="/amount")
        return self._add(
            "billing_requests",
            status="pending",
            links={"creditor": "CR1", "customer": "CU1"},
            **wanted,
        )

    def _create_billing_request_flows(self, wanted: Resource) -> Resource:
        request = self.books["billing_requests"][wanted["links"]["billing_request"]]
        if request["status"] != "pending":
            raise Refused(422, "invalid_state", reason="billing_request_cancelled")
        page = f"https://pay.gocardless.example/flow?id={next(self._numbers)}"
        return self._add("billing_request_flows", authorisation_url=page, metadata={}, **wanted)

    def _create_refunds(self, wanted: Resource) -> Resource:
        payment = self.books["payments"][wanted["links"]["payment"]]
        total = payment["amount_refunded"] + wanted["amount"]
        if wanted["total_amount_confirmation"] != total:
            raise Refused(422, "validation_failed", reason="total_amount_confirmation_invalid")
        if total > payment["amount"]:
            raise Refused(422, "validation_failed", field="amount", request_pointer="/amount")
        payment["amount_refunded"] = total
        kept = {name: wanted[name] for name in ("amount", "links", "metadata")}
        return self._add("refunds", currency=payment["currency"], status="created", **kept)

    def _listed(self, kind: str, query: dict[str, str]) -> Resource:
        """Return a page of two, newest first, so that all of a list is asked for."""
        newest = [
            one
            for one in reversed(self.books[kind].values())
            if one["links"].get("payment") == query.get("payment")
        ]
        ids = [one["id"] for one in newest]
        start = ids.index(query["after"]) + 1 if "after" in query else 0
        page = newest[start : start + 2]
        after = page[-1]["id"] if newest[start + 2 :] else None
        cursors = {"before": None, "after": after}
        return {kind: page, "meta": {"cursors": cursors, "limit": 2}}

    def _lead(self, kind: str, resource: Resource, action: str, cause: str) -> Resource:
        kept = ("late_failure_settled", "chargeback_settled")
        renamed = {"chargeback_cancelled": "paid_out"}
        if action not in kept:
            resource["status"] = renamed.get(action, action)
        return self.happen(kind, resource, action, cause)

    def _add(self, kind: str, **fields: Any) -> Resource:
        with self._lock:
            number = f"{_PREFIXES[kind]}{self._begin}{next(self._numbers):04}"
            at = BEGINNING + dt.timedelta(seconds=next(self._seconds))
            made = {"id": number, "created_at": at.isoformat().replace("+00:00", ".000Z")}
            self.books[kind][number] = {**made, **fields}
            return self.books[kind][number]

    @staticmethod
    def _check_metadata(wanted: Resource) -> None:
        given = wanted.get("metadata", {})
        fits = all(len(name) <= 50 and len(text) <= 500 for name, text in given.items())
        if len(given) > 3 or not fits:
            raise Refused(422, "validation_failed", field="metadata")


class _Port(ThreadingHTTPServer):
    def __init__(self, gocardless: GoCardlessServer) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.gocardless = gocardless


class _Answer(BaseHTTPRequestHandler):
    server: _Port

    def do_GET(self) -> None:
        gocardless = self.server.gocardless
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        told = json.loads(body) if body else None
        call = f"{self.command} {urlsplit(self.path).path}"
        gocardless.asked.append((self.command, self.path, dict(self.headers), told))
        gocardless.before.pop(call, lambda: None)()
        fault = gocardless.faults.get(call)
        if fault == "no_line":
            self.connection.close()
        elif isinstance(fault, tuple):
            self.reply(*fault)
        else:
            status, answer = self.act(fault, told)
            if fault == "lost_answer":
                self.connection.close()
            else:
                self.reply(status, json.dumps(answer).encode())

    do_POST = do_PUT = do_GET  # noqa: N815 - the names the library calls

    def act(self, fault: object, told: Any) -> tuple[int, Resource]:
        if isinstance(fault, Refused):
            return fault.status, fault.body
        if self.headers["GoCardless-Version"] != "2015-07-06":
            return 400, Refused(400, "invalid_api_usage", reason="version_not_found").body
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return 401, Refused(401, "invalid_api_usage", reason="access_token_not_found").body
        key = self.headers["Idempotency-Key"]
        try:
            return self.server.gocardless.answer(self.command, self.path, key, told)
        except Refused as refused:
            return refused.status, refused.body

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running() -> Iterator[GoCardlessServer]:
    gocardless = GoCardlessServer()
    port = _Port(gocardless)
    thread = threading.Thread(target=port.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    gocardless.url = f"http://127.0.0.1:{port.server_port}"
    try:
        yield gocardless
    finally:
        port.shutdown()
        thread.join()
        port.server_close()
