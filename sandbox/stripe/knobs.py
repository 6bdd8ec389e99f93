"""Knobs for tests, over HTTP on the simulated server only, with the secret key and JSON bodies.

`PUT /_sandbox/faults` `{"seed": 7, "rules": [...]}` replaces what goes wrong with calls (GET shows
the rules with how often each was `seen` and `struck`; `{}` ends them). A rule:
    fault        close (the connection, without an answer), answer (with `status`: 500, 503, 429,
                 ...), or slow (the call goes on after the wait)
    when         before the effect (default), after it, when everything is committed, or (slow
                 only) during it: the Idempotency-Key is taken, another call with it gets 409
    method, path the calls it is meant for: POST and /v1/* by default; `*` stands for anything
    wait_s       how long the caller waits first: close with 80 is a time-out
    probability  1 by default; times: at most so often
    kept         with answer after: the Idempotency-Key is answered with that error from now on,
                 as Stripe does with its own 500
`PUT /_sandbox/webhooks` replaces what goes wrong with deliveries (what is left out is off):
    seed; paused; reorder_window (a delivery is picked among so many that are due)
    duplicate    probability, below 1, that a delivered event is delivered once more, and again
    delay        probability that the first try comes up to delay_max_s later
    drop         probability that it is never sent (and counts as not delivered)
    wrong_secret, old_secret (it is old_secret_value), old_timestamp: probability per try
`POST /_sandbox/redeliver` `{"events": [ids], "copies": [3, 10], "seed": 7}`: deliver events (all if
    left out) so many times more, shuffled.
`POST /_sandbox/events` `{"type": "...", "object": {...}}`: tell an event that Stripe never would.
`POST /_sandbox/clock` `{"advance_s": 172800}`: let time pass (webhooks keep real timestamps).
`POST /_sandbox/settle`: make all pending money available now.
`PUT /_sandbox/moments` `{"moment_s": 0.05, "settlement_s": 0}`: how long refunds, disputes and
    payouts take to go on, and how long a charge's money stays pending.
`POST /_sandbox/payouts` `{"currency": "usd"}`: the daily payout of all that is available.
`POST /_sandbox/payouts/<id>/fail` `{"failure_code": "account_closed"}`, also after it was paid.
`POST /_sandbox/disputes` `{"charge": "ch_...", "amount": 500, "reason": "fraudulent"}`: dispute any
    charge, all of it if no amount is given. `POST /_sandbox/disputes/<id>` `{"status": "won"}`:
    the bank decides (won, lost or warning_closed).
`POST /_sandbox/accounts/<id>` `{"transfers": "inactive"}`: a connected account takes no transfers
    any more (`active`: it does again).
`POST /_sandbox/transfers/<id>/reverse` `{"amount": 500}`: take money of a transfer back, all that
    is left of it if no amount is given.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from flask import Flask, Response, jsonify, request

from sandbox.simulated.clock import Clock
from sandbox.simulated.deliveries import deliver
from sandbox.simulated.delivery_faults import write_faults
from sandbox.simulated.faults import Faults
from sandbox.stripe import access, disputes, events, payouts, transfer_reversals, transfers
from sandbox.stripe.account import Account
from sandbox.stripe.balance import make_available
from sandbox.stripe.books import Books
from sandbox.stripe.calling import Calls
from sandbox.stripe.events import BY_ITSELF
from sandbox.stripe.refusals import Resource, invalid, parameter_missing
from sandbox.stripe.webhooks import DeliveryFaults

Turn = Callable[[Books, str, dict[str, Any]], Resource]


def add_knobs(app: Flask, account: Account, calls: Calls, faults: Faults, clock: Clock) -> None:
    """Register the knobs."""

    def add(method: str, path: str, turn: Turn) -> None:
        def run(identifier: str = "") -> Response:
            if calls.from_browser():
                raise access.refuse_browser()
            wanted = request.get_json(force=True, silent=True) or {}
            return jsonify(
                calls.on_page(
                    lambda page: turn(
                        Books(page.transaction, account, BY_ITSELF), identifier, wanted
                    )
                )
            )

        app.add_url_rule(f"/_sandbox/{path}", f"{method} {path}", run, methods=[method])

    def replace_faults(_: Books, __: str, wanted: dict[str, Any]) -> Resource:
        faults.replace(wanted.get("rules", []), seed=wanted.get("seed", 0))
        return {"rules": faults.shown()}

    def put_forward(books: Books, _: str, wanted: dict[str, Any]) -> Resource:
        clock.put_forward(books.transaction, _required(wanted, "advance_s"))
        return {"now": account.created}

    add("GET", "faults", lambda *_: {"rules": faults.shown()})
    add("PUT", "faults", replace_faults)
    add("POST", "clock", put_forward)
    for (method, path), turn in _TURNS.items():
        add(method, path, turn)


def _required(wanted: dict[str, Any], name: str) -> Any:
    if name not in wanted:
        raise parameter_missing(name)
    return wanted[name]


def _set_webhooks(books: Books, _: str, wanted: dict[str, Any]) -> Resource:
    write_faults(books.transaction, DeliveryFaults, wanted)
    return wanted


def _set_moments(books: Books, _: str, wanted: dict[str, Any]) -> Resource:
    for name, seconds in wanted.items():
        if name not in ("moment_s", "settlement_s"):
            raise invalid(name, f"No such knob: {name}; there are moment_s and settlement_s")
        books.transaction.set_knob(name, seconds)
    return wanted


def _redeliver(books: Books, _: str, wanted: dict[str, Any]) -> Resource:
    known = [event["id"] for event in books.transaction.select("event")]
    random = Random(wanted.get("seed", 0))  # noqa: S311 - reproducible, not secret
    fewest, most = wanted.get("copies", [1, 1])
    chosen = [
        event_id
        for event_id in wanted.get("events", known)
        for _ in range(random.randint(fewest, most))
    ]
    random.shuffle(chosen)
    for event_id in chosen:
        books.find("event", event_id)
        deliver(books.transaction, event_id, now=books.account.now())
    return {"deliveries": len(chosen)}


def _tell(books: Books, _: str, wanted: dict[str, Any]) -> Resource:
    resource = _required(wanted, "object")
    kind = _required(wanted, "type")
    return events.record(books.transaction, books.account, kind, resource, BY_ITSELF)


def _dispute(books: Books, _: str, wanted: dict[str, Any]) -> Resource:
    charge = books.find("charge", _required(wanted, "charge"))
    left = charge["amount"] - charge["amount_refunded"]
    return disputes.open_dispute(
        books,
        charge,
        reason=wanted.get("reason", "fraudulent"),
        amount=wanted.get("amount", left),
        inquiry=wanted.get("inquiry", False),
    )


def _decide(books: Books, dispute_id: str, wanted: dict[str, Any]) -> Resource:
    dispute = books.find("dispute", dispute_id)
    return disputes.finish(books, dispute, _required(wanted, "status"))


def _fail_payout(books: Books, payout_id: str, wanted: dict[str, Any]) -> Resource:
    return payouts.fail(books, payout_id, wanted.get("failure_code", "could_not_process"))


def _set_transfers(books: Books, account_id: str, wanted: dict[str, Any]) -> Resource:
    return transfers.set_capability(books, account_id, _required(wanted, "transfers"))


_TURNS: dict[tuple[str, str], Turn] = {
    ("PUT", "webhooks"): _set_webhooks,
    ("PUT", "moments"): _set_moments,
    ("POST", "redeliver"): _redeliver,
    ("POST", "events"): _tell,
    ("POST", "settle"): lambda books, *_: {"made_available": make_available(books)},
    ("POST", "disputes"): _dispute,
    ("POST", "disputes/<identifier>"): _decide,
    ("POST", "payouts"): lambda books, _, wanted: payouts.create_automatic(
        books, wanted.get("currency", "usd")
    ),
    ("POST", "payouts/<identifier>/fail"): _fail_payout,
    ("POST", "accounts/<identifier>"): _set_transfers,
    ("POST", "transfers/<identifier>/reverse"): lambda books, transfer_id, wanted: (
        transfer_reversals.reverse(books, transfer_id, wanted.get("amount"))
    ),
}
