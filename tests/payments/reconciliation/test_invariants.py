"""Each invariant of statements notices what it is there for."""

import pytest
from sqlalchemy import Engine, text

from payments.database import transaction
from payments.invariants import broken_invariants
from payments.reconciliation.invariants import INVARIANTS
from tests.payments.bank_shop import ToldByBank
from tests.payments.reconciliation.desk import Desk, money_in, open_desk

SABOTAGE = {
    "what is open of what is expected is what is on its way to the bank": (
        "UPDATE strongroom.expectations SET matched_amount = 0"
    ),
    "what is in suspense is what lines and receipts say is unexplained": (
        "UPDATE strongroom.bank_receipts SET amount_returned = 1 WHERE amount_applied = 0"
    ),
    "a statement line is booked where it says": (
        "UPDATE strongroom.statement_lines SET state = 'new', booked = 'nothing'"
        " WHERE booked = 'suspense'"
    ),
    "a matched line has one match, whose parts add up to it": (
        "UPDATE strongroom.matches SET state = 'undone', undone_by = 'x', undone_at = now()"
    ),
    "what is matched of an expectation is the sum of its parts": (
        "UPDATE strongroom.expectations SET matched_amount = 1"
    ),
}


@pytest.fixture
def books(fresh_engine: Engine) -> Desk:
    """A matched line, one in suspense, and a receipt that waits."""
    desk = open_desk(fresh_engine)
    payment, short = desk.payment(10_000), desk.payment(10_000)
    desk.tell(ToldByBank(payment).settled(amount=10_000))
    desk.statement(
        money_in(10_000, f"{payment.bank_reference}"),
        money_in(6_000, f"{short.bank_reference}"),
        money_in(-300, "rent"),
    )
    desk.run()
    return desk


def test_each_invariant_has_its_sabotage() -> None:
    assert SABOTAGE.keys() == INVARIANTS.keys()


@pytest.mark.parametrize("name", INVARIANTS)
def test_an_invariant_notices_what_it_is_there_for(books: Desk, name: str) -> None:
    with transaction(books.engine) as session:
        assert broken_invariants(session.connection()) == []
    with transaction(books.engine) as session:
        session.execute(text(SABOTAGE[name]))
        broken = {found.name for found in broken_invariants(session.connection())}
        session.rollback()
    assert name in broken
