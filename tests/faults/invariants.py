"""What must hold after any fault: the ledger, our rows, what was promised, and Stripe's own books.

Each check returns what is wrong, in words; nothing wrong is an empty list.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, text

import ledger
from payments import invariants as payment_invariants
from tests.faults.bank_invariants import broken_at_bank
from tests.faults.harness.books import ProviderBooks
from tests.faults.harness.system import Acknowledged

_QUIET = """
    SELECT 'webhook ' || event_id || ' is ' || state || coalesce(': ' || error, '')
      FROM strongroom.webhook_inbox WHERE state IN ('new', 'dead')
    UNION ALL
    SELECT 'job ' || job || ' is ' || state || coalesce(': ' || error, '')
      FROM strongroom.outbox
     WHERE state = 'dead' OR state = 'waiting' AND due_at < now() - interval '5 minutes'
    UNION ALL
    SELECT 'call ' || operation || ' of ' || payment_id || ' is ' || state
      FROM strongroom.provider_calls WHERE state IN ('intent', 'unknown')
    UNION ALL
    SELECT 'live event ' || id || ' has no position'
      FROM strongroom.live_events
     WHERE position IS NULL AND created_at < now() - interval '1 minute'"""

_HISTORY = """
    SELECT payment_id, array_agg(seq ORDER BY seq) AS numbers,
           array_agg(from_status ORDER BY seq) AS before,
           array_agg(to_status ORDER BY seq) AS after, max(p.status) AS status
      FROM strongroom.payment_events e JOIN strongroom.payments p ON p.id = e.payment_id
     GROUP BY payment_id"""

_LIVE_EVENTS = """
    SELECT count(position), coalesce(max(position), 0), max(c.last_position)
      FROM strongroom.live_events, strongroom.live_cursor c"""

# Money taken is never un-taken: after these, only these.
_CHARGED = {"succeeded", "partially_refunded", "refunded", "disputed"}
_FINAL_UNLESS_CHARGED = {"canceled", "expired"}


def broken(
    connection: Connection,
    *,
    books: ProviderBooks | None = None,
    bank_books: ProviderBooks | None = None,
    acknowledged: Sequence[Acknowledged] = (),
) -> list[str]:
    """Return everything that does not hold; a provider without books is not asked."""
    faults = ledger.broken_invariants(connection) + payment_invariants.broken_invariants(connection)
    found = [f"{fault.name}: {fault.rows}" for fault in faults]
    found += [str(row[0]) for row in connection.execute(text(_QUIET))]
    found += _history(connection)
    found += _live_positions(connection)
    found += _acknowledged(connection, acknowledged)
    if books is not None:
        found += _intents(connection, books)
        found += _givebacks(connection, books)
        found += _transfers(connection, books)
        found += _totals(connection, books)
    if bank_books is not None:
        found += broken_at_bank(connection, bank_books)
    return found


def _history(connection: Connection) -> Iterator[str]:
    for row in connection.execute(text(_HISTORY)):
        if row.numbers != list(range(1, len(row.numbers) + 1)):
            yield f"{row.payment_id}: its history is numbered {row.numbers}"
        if row.before[1:] != row.after[:-1] or row.after[-1] != row.status:
            yield f"{row.payment_id} is {row.status} with the history {row.after}"
        for before, after in zip(row.before[1:], row.after[1:], strict=True):
            if before in _CHARGED and after not in _CHARGED:
                yield f"{row.payment_id} went back from {before} to {after}"
            if before in _FINAL_UNLESS_CHARGED and after not in _CHARGED | _FINAL_UNLESS_CHARGED:
                yield f"{row.payment_id} went back from {before} to {after}"


def _live_positions(connection: Connection) -> Iterator[str]:
    numbered, highest, cursor = connection.execute(text(_LIVE_EVENTS)).one()
    if not numbered == highest == (cursor or 0):
        yield f"{numbered} live events are numbered up to {highest}, the cursor is at {cursor}"


def _acknowledged(connection: Connection, acknowledged: Sequence[Acknowledged]) -> Iterator[str]:
    """Find every 2xx again: the thing with its id and amount, and one thing a reference."""
    amounts = _by_id(
        connection,
        "SELECT id, amount FROM strongroom.orders UNION ALL"
        " SELECT id, amount FROM strongroom.payments UNION ALL"
        " SELECT id, amount FROM strongroom.refunds UNION ALL"
        " SELECT id, amount FROM strongroom.releases UNION ALL"
        " SELECT id, amount FROM strongroom.escrows UNION ALL"
        " SELECT id, 0 FROM strongroom.freezes UNION ALL"
        " SELECT id, amount FROM strongroom.seller_payouts",
    )
    given: dict[tuple[str, str], str] = {}
    for path, reference, answer in acknowledged:
        amount = int(answer.get("amount", 0))
        if amounts.get(answer["id"]) != amount:
            yield f"{path} gave {answer['id']}, which is not there with {amount}"
        if given.setdefault((path, reference), answer["id"]) != answer["id"]:
            yield f"{path} gave two things for one reference: {answer['id']} and another"


def _intents(connection: Connection, books: ProviderBooks) -> Iterator[str]:
    """One intent a payment, and what Stripe received is what was booked, both ways."""
    booked = _entries(connection, "charged")
    received: dict[str, int] = defaultdict(int)
    intents: Counter[str] = Counter()
    for intent in books.all("payment_intent"):
        payment_id = intent["metadata"].get("payment_id")
        intents[payment_id] += 1
        received[payment_id] += intent["amount_received"]
    known = _by_id(connection, "SELECT id, amount FROM strongroom.payments WHERE rail = 'card'")
    yield from (
        f"{payment_id} has {count} intents at Stripe"
        for payment_id, count in intents.items()
        if count > 1
    )
    yield from (f"Stripe has {one}, which is not ours" for one in intents.keys() - known.keys())
    for payment_id in known:
        if booked.get(payment_id, 0) != received[payment_id]:
            yield (
                f"{payment_id}: Stripe received {received[payment_id]},"
                f" booked {booked.get(payment_id)}"
            )


def _givebacks(connection: Connection, books: ProviderBooks) -> Iterator[str]:
    """Refunds and disputes: one row and one entry each, with Stripe's amounts."""
    refunds = {thing["id"]: thing["amount"] for thing in _refunds(books)}
    disputes = {thing["id"]: thing["amount"] for thing in books.all("dispute")}
    for things, table, effect in (
        (refunds, "refunds", "refunded"),
        (disputes, "disputes", "opened"),
    ):
        entries = _entries(connection, effect)
        rows = connection.execute(
            text(f"SELECT id, provider_ref FROM strongroom.{table} WHERE provider = 'stripe'")
        ).all()
        booked = [row for row in rows if row.id in entries]
        ours = {row.provider_ref: entries[row.id] for row in booked}
        if ours != things:
            yield f"{table}: Stripe has {things}, booked are {ours}"
        if len(booked) != len(things):
            yield f"{table}: {len(things)} at Stripe, {len(booked)} entries"


def _refunds(books: ProviderBooks) -> Iterator[dict[str, Any]]:
    """Refunds of money: what a capture leaves on the card is a refund at Stripe too, of none."""
    for refund in books.all("refund"):
        if refund["status"] == "succeeded" and refund["balance_transaction"] is not None:
            yield refund


def _transfers(connection: Connection, books: ProviderBooks) -> Iterator[str]:
    """Every transfer to a seller is one payout of ours, with the amount that is booked."""
    entries = _entries(connection, "paid")
    ours = {
        row.provider_ref: entries.get(row.payout_id)
        for row in connection.execute(
            text(
                "SELECT payout_id, provider_ref FROM strongroom.seller_payout_attempts"
                " WHERE provider = 'stripe' AND state = 'paid'"
            )
        )
    }
    theirs = {thing["id"]: thing["amount"] for thing in books.all("transfer")}
    if ours != theirs:
        yield f"Stripe transferred {theirs}, booked are {ours}"


def _totals(connection: Connection, books: ProviderBooks) -> Iterator[str]:
    """What Stripe holds for us by its books is what our accounts say it holds."""
    theirs: Counter[str] = Counter()
    for intent in books.all("payment_intent"):
        theirs[intent["currency"].upper()] += intent["amount_received"]
    for refund in _refunds(books):
        theirs[refund["currency"].upper()] -= refund["amount"]
    for dispute in books.all("dispute"):
        if dispute["status"] not in ("won", "warning_needs_response", "warning_closed"):
            theirs[dispute["currency"].upper()] -= dispute["amount"]
    for transfer in books.all("transfer"):
        kept = transfer["amount"] - transfer["amount_reversed"]
        theirs[transfer["currency"].upper()] -= kept
    ours: Counter[str] = Counter()
    for row in connection.execute(
        text(
            "SELECT s.code, sum(p.amount) AS amount FROM ledger.postings p"
            "  JOIN ledger.accounts a ON a.id = p.account_id"
            "  JOIN ledger.assets s ON s.id = a.asset_id"
            "  JOIN ledger.entries e ON e.id = p.entry_id"
            " WHERE a.path IN ('assets:stripe:pending', 'assets:stripe:available',"
            " 'expenses:processing:stripe')"
            " OR a.path = 'assets:bank:clearing' AND e.kind LIKE 'settlement.%' GROUP BY s.code"
        )
    ):
        ours[row.code] = int(row.amount)
    if +theirs != +ours:
        yield f"Stripe holds {dict(theirs)}, our accounts say {dict(ours)}"


def _entries(connection: Connection, effect: str) -> dict[str, int]:
    """Return what moved by the id of what caused it, for all entries of an effect."""
    rows = connection.execute(
        text(
            "SELECT split_part(e.effect_key, ':', 1) AS id, sum(greatest(p.amount, 0)) AS amount"
            "  FROM ledger.entries e JOIN ledger.postings p ON p.entry_id = e.id"
            "  JOIN ledger.accounts a ON a.id = p.account_id"
            "   AND a.path NOT LIKE 'assets:card-authorizations:%'"  # a memo: no money
            " WHERE e.effect_key LIKE '%:' || :effect GROUP BY e.id, e.effect_key"
        ),
        {"effect": effect},
    ).all()
    assert len({row.id for row in rows}) == len(rows)
    return {row.id: int(row.amount) for row in rows}


def _by_id(connection: Connection, query: str) -> dict[str, int]:
    return {row[0]: int(row[1]) for row in connection.execute(text(query))}
