"""What charts count, of books that we know."""

import datetime as dt
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

import ledger
from ledger import AccountSpec, Entry, Posting
from ledger.reporting import Scope
from payments.charts.chart import Chart
from payments.charts.read_chart import read_chart
from payments.errors import InvalidRequestError, NotFoundError

ORDER = "liabilities:escrow:ord_01K00000000000000000000001"
OTHER_ORDER = "liabilities:escrow:ord_01K00000000000000000000002"
SELLER = "liabilities:seller:pty_01K00000000000000000000003"
HOLD = "assets:card-authorizations:pay_01K00000000000000000000004"
DAY = dt.datetime(2026, 10, 5, 12, tzinfo=dt.UTC)
FIRST, LAST = dt.date(2026, 10, 5), dt.date(2026, 10, 7)

Post = Callable[..., None]
Draw = Callable[..., Chart]


@pytest.fixture
def post(fresh_engine: Engine) -> Post:
    """Posts an entry `after` so many days: amounts by path."""

    def post(after: int, asset: str = "EUR", **amounts: int) -> None:
        lines = {PATHS[name]: amount for name, amount in amounts.items()}
        with fresh_engine.begin() as connection:
            specs = [AccountSpec(path, asset, mode="deferred") for path in lines]
            ids = ledger.open_accounts(connection, specs)
            postings = [Posting(ids[path, asset], amount) for path, amount in lines.items()]
            key = f"{after}-{asset}-{'-'.join(amounts)}"
            ledger.post(connection, Entry(key, "test", DAY + dt.timedelta(after), postings))

    return post


PATHS = {
    "stripe": "assets:stripe:pending",
    "bank": "assets:bank:main",
    "hold": HOLD,
    "contra": "assets:card-authorizations:contra",
    "order": ORDER,
    "other": OTHER_ORDER,
    "seller": SELLER,
    "fees": "income:platform-fees",
    "costs": "expenses:processing:stripe",
}


@pytest.fixture
def drawn(fresh_engine: Engine) -> Draw:
    """Reads a chart of the three days, or of what `scope` says."""

    def read(name: str, **scope: object) -> Chart:
        now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the database's clock says when it was recorded
        wanted = {"as_of": now, "first_day": FIRST, "last_day": LAST, "asset": "EUR", **scope}
        with fresh_engine.connect() as connection:
            return read_chart(connection, name, Scope(**wanted))  # type: ignore[arg-type] # as the test says

    return read


def amounts(chart: Chart) -> dict[str, tuple[int, ...]]:
    return {series.name: series.amounts for series in chart.series}


def test_balances_go_on_from_what_there_was_before(post: Post, drawn: Draw) -> None:
    post(-40, stripe=1000, order=-1000)
    post(0, stripe=-200, bank=200)
    post(2, bank=50, other=-50)
    post(2, asset="USD", bank=7777, other=-7777)
    post(3, bank=9999, other=-9999)  # after the period
    chart = drawn("balances")
    assert chart.steps == ("2026-10-05", "2026-10-06", "2026-10-07")
    assert amounts(chart) == {"Stripe": (800, 800, 800), "Bank": (200, 200, 250)}
    assert "Stripe 8.00, Bank 2.50" in chart.told
    owed = drawn("obligations")
    assert amounts(owed) == {"Held for orders": (1000, 1000, 1050)}


def test_authorizations_are_no_money(post: Post, drawn: Draw) -> None:
    post(0, hold=500, contra=-500)
    assert amounts(drawn("balances")) == {}
    assert "Nothing was booked" in drawn("balances").told


def test_flows_count_what_orders_and_sellers_got_and_not_our_own_transfers(
    post: Post, drawn: Draw
) -> None:
    post(0, stripe=1000, order=-1000)
    post(1, order=400, seller=-350, fees=-50)
    post(1, stripe=-300, bank=300)
    post(2, seller=350, bank=-350)
    assert amounts(drawn("flows")) == {
        "Taken for orders": (1000, 0, 0),
        "Released or refunded": (0, -400, 0),
        "Paid to sellers": (0, 0, -350),
    }


def test_the_result_has_income_above_and_expenses_below(post: Post, drawn: Draw) -> None:
    post(0, order=50, fees=-50)
    post(1, costs=20, stripe=-20)
    post(-1, costs=9, stripe=-9)  # before the period
    assert amounts(drawn("result")) == {"Income": (50, 0, 0), "Expenses": (0, -20, 0)}


def test_what_was_recorded_later_is_left_out(post: Post, drawn: Draw) -> None:
    post(0, stripe=1000, order=-1000)
    before = drawn("balances")
    as_of = dt.datetime.now(dt.UTC)  # noqa: TID251 - as above
    post(1, stripe=1, order=-1)
    assert drawn("balances", as_of=as_of) == before
    assert drawn("balances") != before


def test_a_chart_is_of_a_known_name_and_asset(drawn: Draw) -> None:
    with pytest.raises(NotFoundError):
        drawn("pie")
    for asset in (None, "NOPE"):
        with pytest.raises(InvalidRequestError):
            drawn("flows", asset=asset)
    assert len(drawn("flows", first_day=None, last_day=None).steps) in (13, 14)  # 90 days, in weeks
