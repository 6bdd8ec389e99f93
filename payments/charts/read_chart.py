"""Reads what a chart shows from the books."""

import dataclasses
import datetime as dt

from sqlalchemy import Connection

import ledger
from ledger.reporting import Scope, daily_movements, trial_balance
from payments.charts.chart import Chart
from payments.charts.over_time import CHARTS, chart_of
from payments.charts.steps import DAYS
from payments.errors import InvalidRequestError, NotFoundError


def read_chart(connection: Connection, name: str, scope: Scope) -> Chart:
    """Return a chart of one asset; without a period of the last 90 days before `scope.as_of`.

    Raises:
        NotFoundError: there is no chart of this name.
        InvalidRequestError: the scope names no asset, or one that nobody defined.
    """
    if name not in CHARTS:
        raise NotFoundError(f"There is no chart {name}; there are {', '.join(CHARTS)}.")
    asset = ledger.assets(connection).get(scope.asset or "")
    if asset is None:
        told = {"asset": ["Name the asset it is of, such as EUR: amounts of two do not add up."]}
        raise InvalidRequestError("A chart is of one asset.", errors=told)
    scope = with_period(scope)
    assert scope.first_day is not None and scope.last_day is not None  # noqa: S101, PT018 - so
    return chart_of(
        name,
        asset=asset,
        first_day=scope.first_day,
        last_day=scope.last_day,
        openings=trial_balance(connection, scope),
        movements=daily_movements(connection, scope),
    )


def with_period(scope: Scope) -> Scope:
    """Return the scope with a first and a last day: at least a day, 90 days if it says nothing."""
    last_day = scope.last_day or max(scope.as_of.date(), scope.first_day or dt.date.min)
    first_day = scope.first_day or last_day - dt.timedelta(days=DAYS - 1)
    return dataclasses.replace(scope, first_day=first_day, last_day=last_day)
