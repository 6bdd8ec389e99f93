"""States, amounts, money that moves and entries by hand: what no caller gets round."""

import itertools
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from payments import idempotency
from payments.access.caller import Role
from payments.database import MinorUnits, in_transaction
from payments.errors import ConflictError, InvalidRequestError
from payments.lifecycle.stages import EDGES, Status, dispute_moves, refund_moves
from payments.manual_entries.new_entry import NewEntry
from payments.manual_entries.request_entry import request_entry
from payments.providers.facts import DisputeStatus, RefundStatus
from tests.databases import Servers
from tests.payments.periods.closing_desk import ADA, HALLOWEEN, ClosingDesk, lines
from tests.payments.releases.till import Till
from tests.payments.shop import new_reference, open_shop
from tests.web.conftest import KeyOf

Edge = tuple[str, str]


# ---- 30 states -----------------------------------------------------------------------------------


def reachable(edges: Iterable[tuple[Status, Status]]) -> set[Edge]:
    """Return the pairs that one or more edges lead from and to."""
    pairs = {(str(one), str(other)) for one, other in edges}
    while longer := {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs:
        pairs |= longer
    return pairs


def allowed_updates(
    connection: Connection, table: str, row_id: str, states: Sequence[str]
) -> set[Edge]:
    """Return the changes of a row's status that the database lets pass, of all pairs."""
    passed = set()
    for old, new in itertools.permutations(states, 2):
        with connection.begin_nested() as attempt:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            change = text(f"UPDATE strongroom.{table} SET status = :s WHERE id = :id")
            connection.execute(change, {"s": old, "id": row_id})
            connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
            try:
                with connection.begin_nested():
                    connection.execute(change, {"s": new, "id": row_id})
                passed.add((old, new))
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) != "23514":
                    raise
            attempt.rollback()
    return passed


@pytest.fixture(scope="module")
def superuser(servers: Servers, database_url: str) -> Iterator[Connection]:
    """Somebody who may switch guards off, to put rows into any state; all is rolled back."""
    engine = create_engine(servers.superuser_url_of(database_url.rpartition("/")[2]))
    with engine.connect() as connection, connection.begin() as work:
        yield connection
        work.rollback()
    engine.dispose()


def test_row_30_a_payment_changes_along_allowed_edges_only(
    engine: Engine, superuser: Connection
) -> None:
    shop = open_shop(engine)
    payment = shop.payment(shop.order())
    states = [str(status) for status in Status]
    found = allowed_updates(superuser, "payments", payment.id, states)
    assert found == {pair for pair in reachable(EDGES) if pair[0] != pair[1]}
    assert ("succeeded", "failed") not in found
    assert ("refunded", "created") not in found


def test_row_30_a_step_of_a_payments_history_is_an_edge(
    engine: Engine, superuser: Connection
) -> None:
    shop = open_shop(engine)
    payment = shop.payment(shop.order())
    insert = text(
        "INSERT INTO strongroom.payment_events (payment_id, seq, from_status, to_status, cause,"
        " occurred_at, recorded_at) VALUES (:id, 2, :old, :new, 'poll', now(), now())"
    )
    passed = set()
    for old, new in itertools.product([None, *map(str, Status)], map(str, Status)):
        with superuser.begin_nested() as attempt:
            try:
                superuser.execute(insert, {"id": payment.id, "old": old, "new": new})
                passed.add((old, new))
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) != "23514":
                    raise
            attempt.rollback()
    assert passed == {(str(old), str(new)) for old, new in EDGES}


def test_row_30_refunds_disputes_orders_and_destinations_go_no_other_way(
    engine: Engine, superuser: Connection
) -> None:
    till = Till(engine)
    order = till.paid()
    insert_refund = """
        INSERT INTO strongroom.refunds (id, payment_id, provider, provider_ref, origin, amount,
          currency, status, occurred_at, created_at, updated_at)
        SELECT 're_states', id, 'stripe', 're_states', 'provider', 1, currency, 'pending', now(),
               now(), now() FROM strongroom.payments WHERE order_id = :order"""
    insert_dispute = """
        INSERT INTO strongroom.disputes (id, payment_id, provider, provider_ref, amount, currency,
          status, reason, occurred_at, created_at, updated_at)
        SELECT 'dp_states', id, 'stripe', 'dp_states', 1, currency, 'open', 'x', now(), now(),
               now() FROM strongroom.payments WHERE order_id = :order"""
    superuser.execute(text(insert_refund), {"order": order.id})
    superuser.execute(text(insert_dispute), {"order": order.id})
    refunds = allowed_updates(superuser, "refunds", "re_states", [str(s) for s in RefundStatus])
    assert refunds == {
        (str(one), str(other))
        for one, other in itertools.permutations(RefundStatus, 2)
        if refund_moves(one, other)
    }
    disputes = allowed_updates(superuser, "disputes", "dp_states", [str(s) for s in DisputeStatus])
    assert disputes == {
        (str(one), str(other))
        for one, other in itertools.permutations(DisputeStatus, 2)
        if dispute_moves(one, other)
    }
    orders = allowed_updates(superuser, "orders", order.id, ["open", "paid", "canceled"])
    assert orders == {("open", "paid"), ("open", "canceled"), ("paid", "open")}


# ---- 31 amounts ----------------------------------------------------------------------------------

# As JSON writes them: none of these is a whole number of minor units above zero, within limits.
NO_AMOUNTS = [
    *("0", "-1", "1.0", "0.1", "1e3", "1e308", "-0.0", "true", "null", "[]", "{}", "NaN"),
    *("Infinity", '"0"', '"-1"', '"+1"', '"1.0"', '"1e3"', '"0x10"', '""', '" 1"'),
    *('"١٢"', '"1_000"', "9" * 79, f'"{"9" * 79}"', '"NaN"', '"Infinity"', "0.30000000000000004"),
]


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD", "ETH"])
def test_row_31_an_order_of_an_odd_amount_is_refused(
    client: FlaskClient, key_of: KeyOf, make_party: Callable[[str], str], currency: str
) -> None:
    service = key_of(Role.SERVICE) | {"Content-Type": "application/json"}
    buyer, seller = (make_party(f"{name}-{currency}") for name in ("Ada", "Sam"))

    def order(amount: str) -> tuple[int, Any]:
        body = (
            f'{{"reference": "{secrets.token_hex(16)}", "buyer_id": "{buyer}", "seller_id":'
            f' "{seller}", "currency": "{currency}", "lines": [{{"description": "Lamp",'
            f' "quantity": 1, "unit_amount": {amount}, "tax_rate": "0"}}]}}'
        )
        answer = client.post("/api/orders", data=body, headers=service)
        return answer.status_code, answer.get_json()

    for amount in NO_AMOUNTS:
        status, told = order(amount)
        assert status in (400, 422), (amount, status, told)
    for amount, total in (("1", "1"), ('"1"', "1"), ('"999999999999999999"', "9" * 18)):
        status, told = order(amount)
        assert (status, told["amount"]) == (201, total), (amount, told)


def test_row_31_the_database_keeps_whole_minor_units_only(engine: Engine) -> None:
    with engine.connect() as connection:
        for domain in ("strongroom.minor_units", "ledger.minor_units"):
            for amount in ("1.5", "0.1", "'NaN'", "'Infinity'", "1e78", "-1e78"):
                with pytest.raises(DBAPIError), connection.begin():
                    connection.exec_driver_sql(f"SELECT {amount}::numeric::{domain}")
        with pytest.raises(DBAPIError), connection.begin():
            connection.exec_driver_sql("SELECT (-1)::numeric::strongroom.minor_units")
        exponents = connection.exec_driver_sql("SELECT code, exponent FROM ledger.assets").all()
    known = {row.code: row.exponent for row in exponents}
    for code, exponent in {"EUR": 2, "JPY": 0, "KWD": 3, "ETH": 18, "USDC": 6}.items():
        assert known.get(code, exponent) == exponent
    for not_whole in (0.1 + 0.2, 1.0, True, "1"):
        with pytest.raises(TypeError):
            MinorUnits().process_bind_param(not_whole, None)  # type: ignore[arg-type] # on purpose


# ---- 32 money moves atomically and locked --------------------------------------------------------


def test_row_32_of_many_at_once_no_more_moves_than_is_held(engine: Engine) -> None:
    till = Till(engine)
    order = till.paid()

    def release(_number: int) -> str:
        try:
            till.release(order, 1_000)
        except ConflictError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(16) as threads:
        outcomes = Counter(threads.map(release, range(24)))
    assert outcomes == {"done": 11, "release_exceeds_held": 13}
    assert till.held(order) == (900, 900)
    till.assert_sound()


def test_row_32_what_breaks_off_moves_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = Till(engine)
    order = till.paid()
    before = till.held(order)

    def break_off(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:  # the last thing before the commit
        broken.setattr(idempotency, "finish", break_off)
        with pytest.raises(ZeroDivisionError):
            till.release(order, 1_000)
    assert till.held(order) == before
    assert till.releases(order) == []
    till.assert_sound()


# ---- 33 entries by hand --------------------------------------------------------------------------


@pytest.fixture
def desk(engine: Engine) -> ClosingDesk:
    return ClosingDesk(engine)


def refused(engine: Engine, statement: str, **values: object) -> str:
    with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
        connection.execute(text(statement), values)
    return getattr(caught.value.orig, "sqlstate", None) or ""


def test_row_33_an_entry_by_hand_needs_a_reason_and_keeps_its_evidence(
    desk: ClosingDesk, owner_engine: Engine
) -> None:
    asked = NewEntry(effective_on=HALLOWEEN, reason=" ", lines=lines(5))
    with pytest.raises(InvalidRequestError, match="not valid"):
        in_transaction(
            desk.engine,
            lambda session: request_entry(
                session, caller=ADA, reference=new_reference(), asked=asked, now=desk.now
            ),
        )
    entry = desk.post(attachment_sha256=b"\x01" * 32)
    for change, sqlstate in (
        ("reason = 'another'", "42501"),
        (r"attachment_sha256 = '\x02'", "42501"),
        ("requested_by = 'key:other'", "42501"),
        ("decided_by = requested_by", "42501"),
        ("status = 'rejected'", "42501"),
    ):
        statement = f"UPDATE strongroom.manual_entries SET {change} WHERE id = :id"
        assert refused(owner_engine, statement, id=entry.id) == sqlstate, change
    copy = """
        INSERT INTO strongroom.manual_entries (id, kind, occurred_at, reason, attachment_sha256,
          status, requested_by, decided_by, decided_at, created_at, updated_at)
        SELECT id || 'x', kind, occurred_at, {reason}, {evidence}, 'rejected', requested_by,
               {decider}, now(), created_at, updated_at
          FROM strongroom.manual_entries WHERE id = :id"""
    good = {"reason": "reason", "evidence": "attachment_sha256", "decider": "decided_by"}
    for bad in (
        {"reason": "''"},
        {"evidence": r"'\x02'::bytea"},
        {"decider": "requested_by"},
    ):
        assert refused(owner_engine, copy.format(**good | bad), id=entry.id) == "23514", bad
    desk.check()


def test_row_33_an_entry_by_hand_is_reversed_once_whoever_tries(
    desk: ClosingDesk, owner_engine: Engine
) -> None:
    entry = desk.post()

    def reverse(_number: int) -> str:
        try:
            desk.ask_reversal(entry)
        except ConflictError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(8) as threads:
        outcomes = Counter(threads.map(reverse, range(8)))
    assert outcomes == {"done": 1, "entry_reversed": 7}
    again = """
        INSERT INTO strongroom.manual_entries (id, kind, reverses_entry_id, occurred_at, reason,
          status, requested_by, created_at, updated_at)
        VALUES ('jrn_again', 'reversal', :entry, now(), 'x', 'requested', 'x', now(), now())"""
    assert refused(owner_engine, again, entry=entry.entry_id) == "23505"
    with owner_engine.connect() as connection:
        waiting = connection.execute(
            text("SELECT id FROM strongroom.manual_entries WHERE reverses_entry_id = :entry"),
            {"entry": entry.entry_id},
        ).all()
    assert len(waiting) == 1
    desk.check()
