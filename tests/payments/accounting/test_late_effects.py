"""What is told while the books are being closed: it is booked in the first open moment."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

import ledger
from tests.conditions import wait_until
from tests.payments.releases.till import Till
from tests.payments.shop import NOW

CLOSED_THROUGH = NOW + dt.timedelta(minutes=1)
TICK = dt.timedelta(microseconds=1)


def charge(till: Till) -> Callable[[], object]:
    order = till.shop.order(1_000)
    return lambda: till.charge(order)


def refund(till: Till) -> Callable[[], object]:
    order = till.paid()
    return lambda: till.refund(order, 500)


def dispute(till: Till) -> Callable[[], object]:
    order = till.paid()
    return lambda: till.dispute(order, 500)


def release(till: Till) -> Callable[[], object]:
    order = till.paid()
    return lambda: till.release(order)


def waits_to_post(engine: Engine) -> bool:
    query = """
        SELECT EXISTS (SELECT FROM pg_locks
                        WHERE NOT granted AND relation = 'ledger.entries'::regclass
                          AND database = (SELECT oid FROM pg_database
                                           WHERE datname = current_database()))"""
    with engine.connect() as connection:
        return bool(connection.exec_driver_sql(query).scalar())


@pytest.mark.parametrize("effect", [charge, refund, dispute, release])
def test_what_is_told_during_a_closing_is_booked_after_it(
    fresh_engine: Engine, effect: Callable[[Till], Callable[[], object]]
) -> None:
    till = Till(fresh_engine)
    happen = effect(till)
    with ThreadPoolExecutor(1) as pool:
        with fresh_engine.begin() as closing:
            ledger.close_books(closing, CLOSED_THROUGH)
            told = pool.submit(happen)
            wait_until(lambda: waits_to_post(fresh_engine), timeout_s=4)
        told.result()
    with fresh_engine.connect() as connection:
        newest = "SELECT occurred_at FROM ledger.entries ORDER BY id DESC LIMIT 1"
        assert connection.exec_driver_sql(newest).scalar_one() == CLOSED_THROUGH + TICK
    till.assert_sound()
