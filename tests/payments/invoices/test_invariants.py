"""The truths about documents hold after every story, and each notices what it is there for."""

import pytest
from sqlalchemy import Engine, create_engine, text

from payments.database import connect_engine, transaction
from payments.invariants import broken_invariants
from payments.invoices.invariants import INVARIANTS
from tests.payments.invoices.desk import Desk

SABOTAGE = {
    "the numbers of a series have no gap in a year": (
        "UPDATE strongroom.invoice_counters SET last_number = last_number + 1"
    ),
    "a higher number is not older": (
        "UPDATE strongroom.invoices SET issued_at = issued_at - interval '1 day' WHERE number = 2"
    ),
    "a document is in the series of its seller and kind": (
        "UPDATE strongroom.invoices SET kind = 'invoice' WHERE id = :note"
    ),
    "an invoice is over what its order is over": (
        "UPDATE strongroom.invoices SET amount = amount + 1 WHERE id = :invoice"
    ),
    "no more is credited than was invoiced": (
        "UPDATE strongroom.invoices SET amount = amount + 20000 WHERE id = :note"
    ),
    "a credit note is of a refund of its own order, and not over more": (
        "UPDATE strongroom.invoices SET amount = amount + 1 WHERE id = :note"
    ),
    "a document corrects one of its own order": (
        "UPDATE strongroom.invoices SET corrects = :other WHERE id = :note"
    ),
    "what is rendered has its PDF, and what has one is rendered": (
        "UPDATE strongroom.invoice_renderings SET status = 'ready' WHERE invoice_id = :note"
    ),
}


def broken(engine: Engine) -> set[str]:
    with transaction(engine) as session:
        return {one.name for one in broken_invariants(session.connection())}


def test_each_truth_is_broken_on_purpose_somewhere() -> None:
    assert set(SABOTAGE) == set(INVARIANTS)


@pytest.mark.parametrize("truth", SABOTAGE)
def test_each_notices_what_it_is_there_for(fresh_database_url: str, truth: str) -> None:
    engine = connect_engine(fresh_database_url)
    desk = Desk(engine)
    order, other = desk.sold(), desk.sold()
    ids = {"invoice": desk.issue(order), "other": desk.issue(other)}
    desk.refund(order, 500)
    [ids["note"]] = desk.credit(order)
    desk.render(ids["invoice"] or "")
    assert broken(engine) == set()
    owner = create_engine(fresh_database_url)
    with owner.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE strongroom.invoices DISABLE TRIGGER USER")
        named = {name: value for name, value in ids.items() if f":{name}" in SABOTAGE[truth]}
        connection.execute(text(SABOTAGE[truth]), named)
    owner.dispose()
    assert truth in broken(engine)
    engine.dispose()
