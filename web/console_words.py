"""How the console writes money, moments, ages, states and ids: filters of its templates."""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ledger import Asset
from ledger.assets import assets
from payments.charts.scale import grouped
from payments.database import read_snapshot
from web.parts import current_parts

_SECOND_MS = 1000
_DECIMALS_LEAST = 2
_SHORT, _PREFIX_MOST = 20, 8
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400

# What a state means to who looks at it: all is well, it waits, somebody has to act.
TONES: Final[Mapping[str, str]] = {
    state: tone
    for tone, states in {
        "good": "succeeded paid released closed ready resolved processed delivered matched final"
        " completed operational done sent active funded settled won approved applied explained"
        " finished live posted suggested adopted settled",
        "wait": "pending processing requires_action requires_capture requires_confirmation"
        " requires_payment_method authorized awaiting_payment awaiting_funding awaiting_approval"
        " queued signed broadcast mined open monitoring acknowledged retrying running detected"
        " confirming deploying partially_paid requested in_progress scheduled needs_approval"
        " draft begun P2 degraded held notice unmatched cooling needs_response under_review"
        " upcoming due_soon awaiting finish_requested",
        "bad": "failed dead canceled refused lost reopening disputed frozen unknown P1 outage"
        " expired short_paid reversed revoked error overdue reorged refunded_in_error firing",
    }.items()
    for state in states.split()
}


def money(amount: int | str | None, currency: str) -> str:
    """Return an amount of minor units as people read it: 1,190.00 EUR; nothing for None."""
    if amount is None:
        return ""
    asset = _asset(current_parts().engine, currency)
    if asset is None:
        return f"{amount} minor units of {currency}"
    whole, point, part = grouped(int(amount), asset).partition(".")
    # 135.000000 USDC is 135.00 USDC: exact, and no digits that say nothing.
    shown = part.rstrip("0").ljust(_DECIMALS_LEAST, "0") if point else ""
    return f"{whole}{point}{shown} {currency}"


def decimals(currency: str) -> int:
    """Return how many decimals an amount of a currency is written with."""
    asset = _asset(current_parts().engine, currency)
    return 0 if asset is None else asset.exponent


def all_decimals() -> str:
    """Return the decimals of every currency, for scripts: `EUR:2 USDC:6`; nothing while unknown."""
    try:
        known = _known(current_parts().engine)
    except SQLAlchemyError:
        return ""  # a page that says what is wrong is shown without
    return " ".join(f"{asset.code}:{asset.exponent}" for asset in known.values())


def tone(state: str | None) -> str:
    """Return the tone of a state: good, wait, bad, or plain for one that nobody listed."""
    return TONES.get(str(state), "plain")


def shortened(text: str) -> str:
    """Return a long id without its middle: `pay_…5ZKFAZ`, `0xa1d1a5…38f2c1`."""
    if len(text) <= _SHORT:
        return text
    prefix, mark, _ = text.partition("_")
    if mark and len(prefix) <= _PREFIX_MOST:
        return f"{prefix}_…{text[-6:]}"
    return f"{text[:8]}…{text[-6:]}"


def words(name: str | None) -> str:
    """Return a name of the API as words: `awaiting_funding` is `awaiting funding`."""
    return "" if name is None else str(name).replace("_", " ").replace(".", " ")


def utc(moment: dt.datetime | None) -> str:
    """Return a moment to the second, in UTC, without saying so: the layout does."""
    return "" if moment is None else f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"


def iso(moment: dt.datetime) -> str:
    """Return a moment for programs (RFC 3339)."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def lasting(span: dt.timedelta | int | None) -> str:
    """Return a span (or seconds) in its largest unit or two: `4 min`, `3 h 20 min`, `12 days`."""
    if span is None:
        return ""
    seconds = int(span.total_seconds()) if isinstance(span, dt.timedelta) else int(span)
    if seconds < _MINUTE_S:
        return f"{max(seconds, 0)} s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S} min"
    if seconds < 2 * _DAY_S:
        hours, rest = divmod(seconds, _HOUR_S)
        return f"{hours} h {rest // _MINUTE_S} min" if rest >= _MINUTE_S else f"{hours} h"
    return f"{seconds // _DAY_S} days"


def took(span: dt.timedelta) -> str:
    """Return a short span: `140 ms`, `2.4 s`, from a minute on like `lasting`."""
    ms = int(span.total_seconds() * 1000)
    if ms < _SECOND_MS:
        return f"{max(ms, 0)} ms"
    if ms < _MINUTE_S * _SECOND_MS:
        return f"{ms // _SECOND_MS}.{ms % _SECOND_MS // 100} s"
    return lasting(span)


def age(moment: dt.datetime | None, now: dt.datetime) -> str:
    """Return how long ago a moment was, or how soon it is: `4 min ago`, `in 2 h`."""
    if moment is None:
        return ""
    if moment > now:
        return f"in {lasting(moment - now)}"
    return f"{lasting(now - moment)} ago"


def count(number: int | None) -> str:
    """Return a number with its thousands apart."""
    return "" if number is None else f"{number:,}"


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "money": money,
    "decimals": decimals,
    "tone": tone,
    "words": words,
    "shortened": shortened,
    "utc": utc,
    "iso": iso,
    "lasting": lasting,
    "took": took,
    "age": age,
    "count": count,
}


def _asset(engine: Engine, code: str) -> Asset | None:
    """Return an asset; its decimals never change, so that it is read once."""
    try:
        return _known(engine)[code]
    except KeyError:
        _known.cache_clear()
        return _known(engine).get(code)


@lru_cache(maxsize=4)
def _known(engine: Engine) -> dict[str, Asset]:
    with read_snapshot(engine) as connection:
        return assets(connection)
