"""Seller statement and escrow positions of orders that were paid and released."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine

from payments.reports.open_report import open_report
from payments.reports.wanted import Wanted
from tests.payments.releases.till import Till


@pytest.fixture
def till(engine: Engine) -> Till:
    return Till(engine)


def rows(engine: Engine, report: str, **filters: Any) -> list[dict[str, Any]]:
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the database records by the real clock
    with open_report(engine, Wanted(report=report, **filters), now=now) as opened:
        names = [column.name for column in opened.report.columns]
        return [dict(zip(names, row, strict=True)) for row in opened.report.rows]


def test_a_release_stands_with_what_was_released_fee_and_tax(engine: Engine, till: Till) -> None:
    order = till.paid(10_000)
    till.release(order)
    found = rows(engine, "seller-statement", seller_id=till.seller_id)
    opening, release, closing = found
    assert (opening["kind"], closing["kind"]) == ("opening", "closing")
    assert (release["gross"], release["fee"], release["tax"]) == (11_900, 500, 1_900)
    assert (release["credit"], release["order_id"]) == (9_500, order.id)
    assert -closing["balance"] == till.owed() == 9_500


def test_positions_are_what_is_held(engine: Engine, till: Till) -> None:
    held, released = till.paid(10_000), till.paid(2_000)
    till.release(released)
    found = rows(engine, "escrow-positions", seller_id=till.seller_id)
    assert [(row["order_id"], row["held"], row["buyer_id"]) for row in found] == [
        (held.id, 11_900, held.buyer_id)
    ]
    today = dt.datetime.now(dt.UTC).date()  # noqa: TID251 - as above
    moved = rows(
        engine,
        "escrow-positions",
        seller_id=till.seller_id,
        first_day=today - dt.timedelta(days=3650),
    )
    assert {row["order_id"]: (row["received"], row["paid_out"], row["held"]) for row in moved} == {
        held.id: (11_900, 0, 11_900),
        released.id: (2_380, 2_380, 0),
    }
