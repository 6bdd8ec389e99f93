"""Knobs for tests and demos, over HTTP with the TrueLayer client secret as bearer and JSON bodies.

`PUT /_sandbox/faults` `{"seed": 7, "rules": [...]}` and `PUT /_sandbox/webhooks` are as for the
    simulated Stripe (sandbox/stripe/knobs.py). Rules strike /v3/*, /connect/* and /.well-known/*.
    Webhooks: seed, paused, duplicate, reorder_window, delay, delay_max_s, drop, old_timestamp; and
    wrong_key (signed by somebody else under the bank's key id), foreign_jku (signed by somebody
    else who says where their keys are), tampered (the body was changed after it was signed).
`POST /_sandbox/redeliver` `{"events": [ids], "copies": [3, 10], "seed": 7}`: deliver events (all if
    left out) so many times more, shuffled. `GET /_sandbox/events`: what was told so far, and how
    many deliveries of it wait that were refused last. `GET /_sandbox/refunds`: all of them.
`POST /_sandbox/events` `{"type": "payment_settled", ...}`: tell, well signed, whatever stands here.
`POST /_sandbox/keys` `{"keep_old": true}`: sign with a new key; the old ones stay published or not.
`POST /_sandbox/clock` `{"advance_s": 172800}`: let time pass (webhooks keep real timestamps).
`PUT /_sandbox/moments` `{"execution_s": 0.5, "settlement_s": 1, "refund_s": 1, "payout_s": 1,
    "expiry_s": null}`: how long each step takes; null is never.
`PUT /_sandbox/outcomes` `{"settlement": "settled"|"stalled"|"held", "refunds", "payouts":
    "executed"|"failed"|"held", "failure_reason": "server_error", "tells_authorized": false}`
`POST /_sandbox/payments/<id>` `{"to": "authorized"|"executed"|"stalled"|"settled"|"failed",
    "failure_reason": "..."}`: push one payment on (authorized: the payer says yes at their bank).
`POST /_sandbox/refunds/<id>` `{"to": "executed"|"failed"}`: one that was executed comes back.
`GET /_sandbox/sellers-payouts`: those to sellers. `POST /_sandbox/sellers-payouts/<id>`: likewise.
`POST /_sandbox/settle`: settle everything that is on its way, stalled payments too.
`PUT /_sandbox/lines` `{"batch": false, "text": "{reference}", "typo": 0.1, "seed": 7,
    "end_to_end_id": true, "fee": 25}`: how payments are booked: singly or, with batch, waiting for
    `POST /_sandbox/batches`; with which remittance text, with what chance of a wrong character in
    it, with or without an end-to-end id, and with a fee of the bank's after each.
`POST /_sandbox/transfers` `{"account": "main", "amount": 12500, "text": "...", "name": "...",
    "booked_on": "2026-11-22"}`: somebody sends us money (a negative amount: we sent it). `account`
    is a name, an id or a currency, everywhere.
`POST /_sandbox/payouts` `{"account": "usd", "amount": 9000, "descriptor": "STRIPE", "reference":
    "po_..."}`: a payout of Stripe's arrives (a negative amount: Stripe takes money).
`POST /_sandbox/fees` `{"account": "main", "amount": 490, "text": "Account fee"}`
`POST /_sandbox/noise` `{"account": "main", "count": 20, "seed": 7}`: lines that have nothing to do
    with payments: rent, wages, interest, card fees.
`GET /_sandbox/statements/camt053|mt940|csv?account=main&from=2026-11-01&to=2026-11-30`: statements
    of what really moved; all accounts if none is named. `&version=02` gives camt.053.001.02.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from flask import Flask, Response, jsonify, request

from sandbox.bank import keys, movements, outside, payments, payouts, refunds, statements
from sandbox.bank.books import MOMENTS, OUTCOMES, Books
from sandbox.bank.calling import Calls
from sandbox.bank.webhooks import DeliveryFaults
from sandbox.simulated.clock import Clock
from sandbox.simulated.deliveries import deliver
from sandbox.simulated.delivery_faults import KnobError, write_faults
from sandbox.simulated.faults import Faults
from sandbox.simulated.store import Resource

Turn = Callable[[Books, str, Resource], Resource]


def add_knobs(app: Flask, calls: Calls, faults: Faults, clock: Clock) -> None:
    """Register the knobs."""

    def add(method: str, path: str, turn: Turn) -> None:
        def run(identifier: str = "") -> Response:
            return jsonify(calls.knob(lambda books, wanted: turn(books, identifier, wanted)))

        app.add_url_rule(f"/_sandbox/{path}", f"{method} {path}", run, methods=[method])

    def replace_faults(_: Books, __: str, wanted: Resource) -> Resource:
        faults.replace(wanted.get("rules", []), seed=wanted.get("seed", 0))
        return {"rules": faults.shown()}

    def put_forward(books: Books, _: str, wanted: Resource) -> Resource:
        clock.put_forward(books.transaction, required(wanted, "advance_s"))
        return {"now": books.account.moment}

    add("GET", "faults", lambda *_: {"rules": faults.shown()})
    add("PUT", "faults", replace_faults)
    add("POST", "clock", put_forward)
    for (method, path), turn in _TURNS.items():
        add(method, path, turn)

    @app.get("/_sandbox/statements/<form>")
    def statement(form: str) -> Response:
        content, mimetype = calls.knob(lambda books, _: statements.write(books, form, request.args))
        return Response(content, mimetype=mimetype)


def required(wanted: Resource, name: str) -> Any:
    """What a knob cannot do without.

    Raises:
        KnobError: it was not said.
    """
    if name not in wanted:
        raise KnobError(name, f"{name} is missing")
    return wanted[name]


def _set_webhooks(books: Books, _: str, wanted: Resource) -> Resource:
    write_faults(books.transaction, DeliveryFaults, wanted)
    return wanted


def _setter(knob: str, known: Resource) -> Turn:
    def turn(books: Books, _: str, wanted: Resource) -> Resource:
        for name in wanted:
            if name not in known:
                raise KnobError(name, f"No such knob: {name}; there are {', '.join(known)}")
        kept = books.transaction.knob(knob, {}) | wanted
        books.transaction.set_knob(knob, kept)
        return {**known, **kept}

    return turn


def _redeliver(books: Books, _: str, wanted: Resource) -> Resource:
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


def _list_events(books: Books, *_: object) -> Resource:
    undelivered: dict[str, int] = {}
    for event_id, was_refused in books.transaction.sql.execute(
        "SELECT event_id, last_outcome IS '400' FROM deliveries WHERE delivered_at IS NULL"
    ):
        undelivered[event_id] = undelivered.get(event_id, 0) + was_refused
    return {
        "items": [
            one["body"]
            | {"is_delivered": one["id"] not in undelivered}
            | {"refused": undelivered.get(one["id"], 0)}
            for one in books.transaction.select("event")
        ]
    }


def _rotate(books: Books, _: str, wanted: Resource) -> Resource:
    keep_old = wanted.get("keep_old", True)
    return {"kid": keys.rotate(books.transaction, books.account, keep_old=keep_old)}


def _push_payment(books: Books, payment_id: str, wanted: Resource) -> Resource:
    steps: dict[str, Callable[[], Resource]] = {
        "authorized": lambda: payments.authorise(books, payment_id),
        "executed": lambda: payments.execute(books, payment_id),
        "stalled": lambda: payments.stall(books, payment_id),
        "settled": lambda: payments.settle(books, payment_id),
        "failed": lambda: payments.fail(
            books, payment_id, wanted.get("failure_reason", "provider_rejected")
        ),
    }
    return payments.show(_step(steps, wanted)())


def _push_refund(books: Books, refund_id: str, wanted: Resource) -> Resource:
    steps: dict[str, Callable[[], Resource]] = {
        "executed": lambda: refunds.execute(books, refund_id),
        "failed": lambda: refunds.fail(
            books, refund_id, wanted.get("failure_reason", "server_error")
        ),
    }
    return refunds.show(_step(steps, wanted)())


def _push_payout(books: Books, payout_id: str, wanted: Resource) -> Resource:
    steps: dict[str, Callable[[], Resource]] = {
        "executed": lambda: payouts.execute(books, payout_id),
        "failed": lambda: payouts.fail(
            books, payout_id, wanted.get("failure_reason", "server_error")
        ),
    }
    return payouts.show(_step(steps, wanted)())


def _step(steps: dict[str, Callable[[], Resource]], wanted: Resource) -> Callable[[], Resource]:
    to = required(wanted, "to")
    if to not in steps:
        raise KnobError("to", f"`to` is one of {', '.join(steps)}")
    return steps[to]


def _settle_all(books: Books, *_: object) -> Resource:
    settled = [
        payments.settle(books, payment["id"])["id"]
        for status in payments.ON_ITS_WAY
        for payment in books.transaction.select("payment", status=status)
    ]
    return {"settled": settled}


_TURNS: dict[tuple[str, str], Turn] = {
    ("PUT", "webhooks"): _set_webhooks,
    ("PUT", "moments"): _setter("moments", MOMENTS),
    ("PUT", "outcomes"): _setter("outcomes", OUTCOMES),
    ("PUT", "lines"): _setter("lines", movements.LINES),
    ("POST", "redeliver"): _redeliver,
    ("GET", "events"): _list_events,
    ("GET", "refunds"): lambda books, *_: {"items": books.transaction.select("refund")},
    ("POST", "events"): lambda books, _, wanted: books.tell_body({"event_version": 1, **wanted}),
    ("POST", "keys"): _rotate,
    ("POST", "payments/<identifier>"): _push_payment,
    ("POST", "refunds/<identifier>"): _push_refund,
    ("GET", "sellers-payouts"): lambda books, *_: {"items": books.transaction.select("payout")},
    ("POST", "sellers-payouts/<identifier>"): _push_payout,
    ("POST", "settle"): _settle_all,
    ("POST", "batches"): lambda books, *_: {"lines": movements.book_batches(books)},
    ("POST", "transfers"): lambda books, _, wanted: outside.transfer(books, wanted),
    ("POST", "payouts"): lambda books, _, wanted: outside.pay_out(books, wanted),
    ("POST", "fees"): lambda books, _, wanted: outside.charge(books, wanted),
    ("POST", "noise"): lambda books, _, wanted: outside.make_noise(books, wanted),
}
