"""Ties every request to the audit log: what it changes, shows of people, is refused.

A new route is covered without anybody thinking of it: whatever is not a plain read leaves a deed,
and so does every read, but those listed here as showing nothing personal.
"""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, g, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from payments.access.caller import Caller
from payments.audit.deed import LONGEST_REASON, Deed, Outcome, bind_deed
from payments.audit.write_deeds import listen, write_entry
from payments.errors import StrongroomError
from payments.log_lines import get_logger
from payments.privacy.redaction import redact_text
from web.authentication import identify
from web.bodies import json_body
from web.header_text import readable_header_text
from web.limits import network_of_caller
from web.parts import current_parts
from web.policies import action_of, public_reason_of
from web.references import REPLAYED
from web.rehearsals import asks_rehearsal

READING = frozenset({"GET", "HEAD"})

NOTHING_PERSONAL: Mapping[str, str] = {
    "alerts.list_all": "counts, things by id",
    "alerts.list_conditions": "what is looked at",
    "alerts.show": "counts, things by id",
    "charts.show_chart": "sums of accounts",
    "console.lead_nowhere": "nothing",
    "console.overview": "sums and counts",
    "console_alerts.list_all": "counts, things by id",
    "console_alerts.show": "counts, things by id",
    "console_dead_letters.show": "things by id, without what is inside",
    "console_escrows.show": "addresses of contracts, parties by id",
    "console_finance.finance": "sums of accounts",
    "console_finance.show_period": "sums of accounts",
    "console_finance.show_report": "postings name parties by id",
    "console_incidents.list_all": "what staff says of what is wrong",
    "console_incidents.show": "what staff says of what is wrong",
    "console_orders.show": "things and prices, parties by id",
    "console_payments.show": "amounts and states, parties by id",
    "console_pending.show": "amounts and states, things by id",
    "console_periods.show": "states of months",
    "console_reconciliation.show": "amounts, things by id, nobody's name",
    "console_releases.show": "amounts and states, parties by id",
    "console_restores.list_all": "what staff did",
    "console_restores.show": "amounts, things by id, what staff did",
    "console_runbooks.list_all": "the handbook",
    "console_runbooks.show": "the handbook",
    "console_secrets.show": "versions and keys, without their values",
    "console_webhooks.show": "events by id, without their content",
    "dead_letters.list_page": "errors, things by id, what staff gave up",
    "duplicates.balances": "sums of an order",
    "duplicates.report": "things by id",
    "encryption.read": "keys by number",
    "escrow.read": "addresses of contracts, parties by id",
    "events.listen": "news of what the caller sees anyway, parties by id",
    "exports.list_all": "what was asked for",
    "exports.show": "what was asked for, and the file's digest",
    "incidents.list_all": "what staff says of what is wrong",
    "incidents.show": "what staff says of what is wrong",
    "ledger.list_accounts": "balances",
    "mappings.show": "names of accounts",
    "metrics.read": "sums and counts",
    "notices.list_all": "addresses of the platform",
    "notices.list_page": "deliveries by id",
    "notices.show": "addresses of the platform",
    "ops.list_webhooks": "events by id, without their content",
    "ops.show_replay": "counts",
    "ops_freezes.list_all": "what staff decided",
    "ops_restores.list_all": "what staff did",
    "ops_restores.show": "amounts, things by id",
    "ops_pending.list_made": "counts",
    "ops_pending.list_waiting": "amounts and states, things by id",
    "ops_pending.show_ask": "counts",
    "orders.read": "things and prices, parties by id",
    "payments.declines": "what banks said, no payer",
    "payments.list_page": "amounts and states, parties by id",
    "payments.read": "amounts and states, parties by id",
    "payments.timeline": "amounts and states, parties by id",
    "periods.list_months": "states of months",
    "periods.report": "postings name parties by id",
    "periods.show": "states of months",
    "reconciliation_desk.list_all_findings": "amounts, things by id",
    "reconciliation_desk.list_all_runs": "counts",
    "reconciliation_desk.list_made": "amounts, things by id",
    "reconciliation_desk.show_run": "counts",
    "refunds.list_of_payment": "amounts and states",
    "refunds.read": "amounts and states",
    "releases.list_of_order": "amounts and states",
    "releases.read": "amounts and states",
    "reports.show_report": "postings name parties by id",
    "reports.show_statement": "postings name parties by id",
    "secrets.list_versions": "versions, without their values",
    "seller_payouts.list_all": "amounts, parties by id",
    "seller_payouts.read": "amounts, parties by id",
    "webhook_reports.show_proof": "events and effects by id",
    "webhook_reports.show_refusals": "counts",
}
"""Views that only read and are no entry, with what they show instead of personal data."""

OWN_TO_PERSONS = frozenset({"invoices"})
"""Buyers and sellers see what is theirs; only documents also tell of the other side."""

KEPT_ELSEWHERE: Mapping[str, str] = {
    "webhooks.stripe": "providers are no callers; every event is kept in the inbox",
    "webhooks.bank": "providers are no callers; every event is kept in the inbox",
}
"""Views that change something and are no entry, with where it is kept."""

NOT_UNDERSTOOD = frozenset({400, 405, 408, 413, 415})
"""Answers to what was never tried, since it could not be understood: the access log has them."""

REFUSED_READS = frozenset({401, 403, 404, 429})
REFUSALS_A_MINUTE = 120
"""For each caller, or network without one: more tell an auditor nothing, and cost a write each."""

_NOBODY = "nobody"
_log = get_logger(__name__)


class RefusalLimit:
    """Counts the refusals of a minute by who was refused, in this process."""

    def __init__(self) -> None:
        self._minute = -1
        self._counts: dict[str, int] = {}

    def allows(self, who: str) -> bool:
        """Whether one more refusal of `who` is to be written."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        count = self._counts[who] = self._counts.get(who, 0) + 1
        if count == REFUSALS_A_MINUTE + 1:
            _log.warning("audit_refusals_dropped", who=who, limit=REFUSALS_A_MINUTE)
        return count <= REFUSALS_A_MINUTE


def install_deeds(app: Flask) -> None:
    """Bind a deed to each request; install it after authentication."""
    listen()
    limit = RefusalLimit()
    app.before_request(_bind)
    app.after_request(lambda response: _conclude(response, limit))
    app.teardown_request(_unbind)


def is_noted(endpoint: str, method: str) -> bool:
    """Whether a view leaves an entry when it did what it was asked to."""
    if method in READING:
        view = current_app.view_functions[endpoint]
        return public_reason_of(view) is None and endpoint not in NOTHING_PERSONAL
    return method != "OPTIONS" and endpoint not in KEPT_ELSEWHERE


def _bind() -> None:
    endpoint = request.endpoint
    if endpoint is None or not is_noted(endpoint, request.method) or _is_own_look(endpoint):
        return
    if asks_rehearsal():
        return
    deed = _deed(_who())
    deed.is_look = request.method in READING
    g.deed_scope = ExitStack()
    g.deed = g.deed_scope.enter_context(bind_deed(deed))


def _is_own_look(endpoint: str) -> bool:
    caller: Caller | None = g.get("caller")
    return (
        caller is not None
        and caller.is_person
        and request.method in READING
        and endpoint.partition(".")[0] not in OWN_TO_PERSONS
    )


def _who() -> Caller | None:
    """Return the caller; of a view that anybody may use, whoever sent a credential along."""
    if "caller" in g:
        caller: Caller = g.caller
        return caller
    try:
        return identify(current_parts())
    except StrongroomError:
        return None


def _deed(caller: Caller | None) -> Deed:
    view = current_app.view_functions[request.endpoint or ""]
    parts = current_parts()
    return Deed(
        actor=caller.principal if caller else _NOBODY,
        person=caller.person if caller else _NOBODY,
        role=caller.role.value if caller else _NOBODY,
        action=action_of(view) or str(request.endpoint),
        at=parts.now(),
        cipher=parts.cipher,
        # A key that somebody puts where an id goes is not to be kept for ever.
        subjects=tuple(redact_text(str(one)) for one in (request.view_args or {}).values()),
        ip=request.remote_addr,
        request_id=g.get("request_id"),
        reason_of=_reason,
    )


def _reason() -> str | None:
    """Return the reason that was given in the header, or in the body."""
    given: Any = readable_header_text(request.headers.get("X-Access-Reason"))
    if "follower" in g:
        given = g.follower.reason
    if not given and request.mimetype == "application/json":
        try:
            said = json_body(request)
        except (StrongroomError, HTTPException):  # of what was refused before its body was read
            return None
        given = said.get("reason") if isinstance(said, dict) else None
    return given.strip()[:LONGEST_REASON] if isinstance(given, str) else None


def _conclude(response: Response, limit: RefusalLimit) -> Response:
    """Write down what no transaction did: refusals, failures, and looks that opened none."""
    deed: Deed | None = g.get("deed")
    status = response.status_code
    if status < HTTPStatus.BAD_REQUEST:
        if deed is not None and not deed.written:
            _write_success(deed, response)
        return response
    if not _is_refusal(deed, status):
        return response
    deed = deed or _deed(g.get("caller"))
    if status in NOT_UNDERSTOOD or deed.actor == _NOBODY:
        deed.reason_of = _no_reason  # nobody's words are kept, nor is a body parsed for them
    who = deed.person if deed.person != _NOBODY else network_of_caller()
    is_failure = deed.written or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if is_failure or limit.allows(who):
        try:
            outcome: Outcome = "failed" if is_failure else "refused"
            code = (response.get_json(silent=True) or {}).get("code")
            write_entry(current_parts().engine, deed, outcome, status=status, code=code)
        except SQLAlchemyError as error:
            # The refusal itself stands, and the access log has it.
            _log.warning("audit_entry_lost", status=status, reason=type(error).__name__)
    return response


def _is_refusal(deed: Deed | None, status: int) -> bool:
    """Whether an answer of 400 and more is an entry."""
    if deed is not None:
        return deed.written or status not in NOT_UNDERSTOOD
    endpoint = request.endpoint
    if endpoint is None or endpoint in KEPT_ELSEWHERE or request.method == "OPTIONS":
        return False
    if request.method not in READING:
        return status not in NOT_UNDERSTOOD
    return (
        status in REFUSED_READS and public_reason_of(current_app.view_functions[endpoint]) is None
    )


def _write_success(deed: Deed, response: Response) -> None:
    """Write what no transaction wrote; a look that cannot be noted is not given.

    Raises:
        SQLAlchemyError: the look cannot be noted.
    """
    outcome: Outcome = "seen" if deed.is_look else "done"
    if response.headers.get(REPLAYED) == "true":
        outcome = "replayed"
    try:
        write_entry(current_parts().engine, deed, outcome, status=response.status_code)
    except SQLAlchemyError as error:
        if deed.is_look:
            raise
        _log.error("audit_entry_lost", status=response.status_code, reason=type(error).__name__)


def _no_reason() -> None:
    return None


def _unbind(_error: BaseException | None) -> None:
    g.pop("deed", None)
    scope: ExitStack | None = g.pop("deed_scope", None)
    if scope is not None:
        scope.close()
