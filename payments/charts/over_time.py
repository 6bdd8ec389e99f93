"""The charts there are, made of the books: each is one asset over a period.

What is counted where is said by control accounts, so that it costs the same for any number of
postings.
"""

import datetime as dt
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledger import Asset
from ledger.reporting.rows import DayMovement, TrialBalanceRow
from payments.charts.chart import Chart, Series, Shape
from payments.charts.scale import grouped
from payments.charts.steps import Step, steps_of
from payments.charts.stylesheet import SERIES_MOST

_REST = "Other"

Part = tuple[str, int]  # the series it belongs to, and an amount as the chart counts it


@dataclass(frozen=True, kw_only=True)
class View:
    """How a chart reads the books: to which series an account belongs, and with which sign.

    `opens` says what a balance stands for; only lines, which go on from it, have one.
    """

    title: str
    shape: Shape
    names: tuple[str, ...]
    moves: Callable[[DayMovement], Iterable[Part]]
    opens: Callable[[TrialBalanceRow], Iterable[Part]] | None = None


def _place(path: str) -> str | None:
    """Return where money is that an account of assets stands for; None: it is no money."""
    if path.startswith("assets:card-authorizations"):
        return None  # a memo and its contra
    places = {"stripe": "Stripe", "bank": "Bank", "chain": "On chain", "debts": "Owed by sellers"}
    return places.get(path.split(":")[1], _REST)


def _owner(path: str) -> str:
    owners = {"escrow": "Held for orders", "seller": "Owed to sellers", "tax": "Tax"}
    return owners.get(path.split(":")[1], _REST)


def _balance_moves(movement: DayMovement) -> Iterable[Part]:
    place = _place(movement.control) if movement.account_class == "asset" else None
    return [(place, movement.debit - movement.credit)] if place else []


def _balance_opens(row: TrialBalanceRow) -> Iterable[Part]:
    place = _place(row.account) if row.account_class == "asset" else None
    return [(place, row.opening)] if place else []


def _owed_moves(movement: DayMovement) -> Iterable[Part]:
    if movement.account_class != "liability":
        return []
    return [(_owner(movement.control), movement.credit - movement.debit)]


def _owed_opens(row: TrialBalanceRow) -> Iterable[Part]:
    return [(_owner(row.account), -row.opening)] if row.account_class == "liability" else []


def _flow_moves(movement: DayMovement) -> Iterable[Part]:
    """Count what orders received and gave, and what sellers were paid.

    Money that goes from one account of ours to another would be counted twice.
    """
    if movement.control == "liabilities:escrow":
        return [("Taken for orders", movement.credit), ("Released or refunded", -movement.debit)]
    return (
        [("Paid to sellers", -movement.debit)] if movement.control == "liabilities:seller" else []
    )


def _result_moves(movement: DayMovement) -> Iterable[Part]:
    amount = movement.credit - movement.debit
    names = {"income": "Income", "expense": "Expenses"}
    name = names.get(movement.account_class)
    return [(name, amount)] if name else []


CHARTS: Mapping[str, View] = {
    "balances": View(
        title="Where the money is",
        shape="lines",
        names=("Stripe", "Bank", "On chain", "Owed by sellers", _REST),
        moves=_balance_moves,
        opens=_balance_opens,
    ),
    "obligations": View(
        title="Whose money it is",
        shape="lines",
        names=("Held for orders", "Owed to sellers", "Tax", _REST),
        moves=_owed_moves,
        opens=_owed_opens,
    ),
    "flows": View(
        title="Money in and out of orders",
        shape="bars",
        names=("Taken for orders", "Released or refunded", "Paid to sellers"),
        moves=_flow_moves,
    ),
    "result": View(
        title="What was earned and spent",
        shape="bars",
        names=("Income", "Expenses"),
        moves=_result_moves,
    ),
}


def chart_of(
    name: str,
    *,
    asset: Asset,
    first_day: dt.date,
    last_day: dt.date,
    openings: Iterable[TrialBalanceRow],
    movements: Iterable[DayMovement],
) -> Chart:
    """Return a chart of what the books had and what moved, both of this asset and period.

    Raises:
        KeyError: there is no chart of this name.
    """
    view = CHARTS[name]
    unit, steps = steps_of(first_day, last_day)
    moved = _moved(view, movements, steps)
    start: dict[str, int] = dict.fromkeys(view.names, 0)
    for row in openings if view.opens else ():
        for series, amount in view.opens(row) if view.opens else ():
            start[series] += amount
    drawn = [
        Series(series, _running(start[series], amounts) if view.opens else tuple(amounts))
        for series, amounts in moved.items()
        if start[series] or any(amounts)
    ]
    return Chart(
        name=name,
        title=f"{view.title}, in {asset.code}",
        told=_told(view, unit, drawn, asset=asset, first_day=first_day, last_day=last_day),
        asset=asset,
        shape=view.shape,
        steps=tuple(step.label for step in steps),
        series=tuple(drawn[:SERIES_MOST]),
    )


def _moved(
    view: View, movements: Iterable[DayMovement], steps: Sequence[Step]
) -> dict[str, list[int]]:
    """Return what moved, for each series and step."""
    moved = {series: [0] * len(steps) for series in view.names}
    ends = [step.last_day for step in steps]
    for movement in movements:
        at = bisect_left(ends, movement.day)
        for series, amount in view.moves(movement):
            moved[series][at] += amount
    return moved


def _running(start: int, amounts: Iterable[int]) -> tuple[int, ...]:
    balances, balance = [], start
    for amount in amounts:
        balance += amount
        balances.append(balance)
    return tuple(balances)


def _told(
    view: View,
    unit: str,
    drawn: Sequence[Series],
    *,
    asset: Asset,
    first_day: dt.date,
    last_day: dt.date,
) -> str:
    """Say in words what the picture shows."""
    period = f"From {first_day} to {last_day}, by {unit}."
    if not drawn:
        return f"{period} Nothing was booked."
    figures = ", ".join(
        f"{series.name} {grouped(series.amounts[-1] if view.opens else sum(series.amounts), asset)}"
        for series in drawn
    )
    return f"{period} {'At the end' if view.opens else 'In all'}, in {asset.code}: {figures}."
