"""How commands take moments."""

import datetime as dt
from typing import Any

import click


class Moment(click.ParamType[dt.datetime]):
    """A moment such as `2026-11-22T12:00Z`."""

    name = "moment"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.datetime:
        """Read `2026-11-22T12:00Z`; without an offset it is UTC."""
        if isinstance(value, dt.datetime):
            return value
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no moment; write it as 2026-11-22T12:00Z.", param, ctx)
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment
