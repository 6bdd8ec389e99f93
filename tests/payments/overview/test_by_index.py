"""What is looked at again and again is found by an index, however much there is."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from payments.access.caller import Caller, Role
from payments.alerts.all_conditions import CONDITIONS
from payments.database import transaction
from payments.dead_letters.list_dead import list_dead
from payments.duplicates.order_balances import read_order_balances
from payments.history.read_history import read_history
from payments.history.read_order_file import read_order_file
from payments.overview.read_overview import read_overview
from payments.pending.list_pending import list_pending
from payments.settings import read_settings
from tests.payments.alerts.conftest import ENVIRONMENT
from tests.payments.shop import NOW, Shop, open_shop

STAFF = Caller(principal="command:ada", role=Role.OPERATOR)
GROWING = frozenset(
    {
        *("orders", "payments", "refunds", "disputes", "releases", "seller_payouts", "escrows"),
        *("seller_payout_attempts", "escrow_effects", "chain_intents", "provider_calls"),
        *("webhook_inbox", "outbox", "notice_deliveries", "notices", "live_events", "findings"),
        *("statement_lines", "balance_transactions", "bank_receipts", "audit_entries", "entries"),
        *("payment_events", "payment_declines", "documents_due", "alert_deliveries", "postings"),
    }
)


@pytest.fixture
def shop(fresh_engine: Engine) -> Shop:
    return open_shop(fresh_engine)


def scans(engine: Engine, work: Callable[[Session], Any]) -> Iterator[dict[str, Any]]:
    """Yield how PostgreSQL reads tables that grow, where it may choose any index there is."""
    asked: list[tuple[str, Any]] = []

    def note(*told: Any) -> None:
        asked.append(told[2:4])

    event.listen(engine, "before_cursor_execute", note)
    with transaction(engine) as session:
        work(session)
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, values in asked:
            if statement.lstrip().startswith(("SELECT", "WITH")):
                explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)
                yield from _of_growing(explained.scalar_one()[0]["Plan"])


def _of_growing(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if plan.get("Relation Name") in GROWING:
        yield plan
    for part in plan.get("Plans", ()):
        yield from _of_growing(part)


def test_a_page_reads_what_is_its_own(fresh_engine: Engine, shop: Shop) -> None:
    order = shop.order()
    payment_id = shop.payment(order).id
    for read in (
        lambda session: read_history(session, caller=STAFF, payment_id=payment_id),
        lambda session: read_order_file(session, caller=STAFF, order_id=order.id),
        lambda session: read_order_balances(session, order.id),
    ):
        for scan in scans(fresh_engine, read):
            assert "Index Cond" in scan or "Recheck Cond" in scan, scan


def test_what_is_asked_every_few_seconds_reads_no_whole_table(
    fresh_engine: Engine, shop: Shop
) -> None:
    shop.payment(shop.order())
    settings = read_settings(
        {**ENVIRONMENT, "DATABASE_URL": fresh_engine.url.render_as_string(hide_password=False)}
    )

    def ask(session: Session) -> None:
        read_overview(fresh_engine, now=NOW + dt.timedelta(days=1))
        list_pending(session, now=NOW, limit=50)
        list_dead(session, limit=50)
        for condition in CONDITIONS:
            condition.measure(session, settings, NOW)

    read = list(scans(fresh_engine, ask))
    assert len(read) > len(CONDITIONS)
    assert [scan for scan in read if scan["Node Type"] == "Seq Scan"] == []
