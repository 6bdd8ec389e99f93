"""The pages a provider itself shows a payer: what they may load, and how amounts are written."""

from collections.abc import Sequence

from flask import Response, make_response, render_template

_DECIMALS = {
    "jpy": 0,
    "krw": 0,
    "vnd": 0,
    "clp": 0,
    "kwd": 3,
    "bhd": 3,
    "jod": 3,
    "omr": 3,
    "tnd": 3,
}
_SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def page(
    template: str,
    *,
    may_be_framed: bool,
    leads_to: Sequence[str] = (),
    **values: object,
) -> Response:
    """A hosted page; `leads_to` are the origins its forms may end at."""
    answer = make_response(render_template(template, **values))
    rules = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        " ".join(["form-action 'self'", *leads_to]),
        "base-uri 'none'",
    ]
    if not may_be_framed:
        rules.append("frame-ancestors 'none'")
    answer.headers["Content-Security-Policy"] = "; ".join(rules)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def written(amount: int, currency: str) -> str:
    """An amount of minor units as people read it: 13500 usd is $135.00."""
    name = currency.lower()
    decimals = _DECIMALS.get(name, 2)
    whole, part = divmod(amount, 10**decimals)
    fraction = f".{part:0{decimals}d}" if decimals else ""
    return f"{_SIGNS.get(name, name.upper() + ' ')}{whole:,}{fraction}"
