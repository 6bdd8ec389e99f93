"""A chart as SVG: a picture that runs nothing, loads nothing, and says what it shows."""

import dataclasses
import datetime as dt
import re

import pytest
from lxml import etree

from ledger import Asset
from payments.charts.chart import Chart, Series, Shape
from payments.charts.draw import NOTHING_BOOKED, Width, draw
from payments.charts.stylesheet import CONTENT_POLICY, STYLE

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script>&\"'<img src=http://127.0.0.1:1/>"
STEPS = tuple((dt.date(2026, 10, 1) + dt.timedelta(days=n)).isoformat() for n in range(31))


def chart(shape: Shape = "lines", *, name: str = "Bank", days: int = 31) -> Chart:
    return Chart(
        name="balances",
        title="Where the money is, in EUR",
        told="At the end, in EUR: Bank 310.00.",
        asset=Asset(1, "EUR", 2),
        shape=shape,
        steps=STEPS[:days],
        series=(
            Series(name, tuple(n * 1000 for n in range(1, days + 1))),
            Series("Stripe", tuple(-n * 77 for n in range(days))),
        ),
    )


@pytest.mark.parametrize("width", ["wide", "narrow"])
@pytest.mark.parametrize("shape", ["lines", "bars"])
def test_nothing_in_it_runs_or_comes_from_elsewhere(shape: Shape, width: Width) -> None:
    svg = draw(chart(shape, name=HOSTILE), width=width)
    root = etree.fromstring(svg)
    tags = {element.tag for element in root.iter()}
    drawn = ("svg", "g", "path", "rect", "circle", "text", "title", "desc", "style")
    assert tags <= {SVG + name for name in drawn}
    names = {name for element in root.iter() for name in element.attrib}
    assert not {name for name in names if str(name).startswith("on") or "href" in str(name)}
    assert "style" not in names
    text = svg.decode().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"url\(|@import|<!|<\?|pygal|2026-11", text.replace(HOSTILE, ""))
    assert root.find(f"{SVG}style").text == STYLE  # type: ignore[union-attr] # it has one
    assert HOSTILE in {element.text for element in root.iter(f"{SVG}text")}  # escaped, and whole


def test_the_same_chart_is_the_same_bytes_on_another_day(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tomorrow(dt.date):
        @classmethod
        def today(cls) -> "Tomorrow":
            return cls(2027, 1, 1)

    before = draw(chart())
    monkeypatch.setattr("pygal.svg.date", Tomorrow)
    assert draw(chart()) == before


def test_it_tells_who_cannot_see_it_what_it_shows() -> None:
    root = etree.fromstring(draw(chart("bars")))
    assert root.get("role") == "img"
    named = {element.get("id"): element.text for element in root if element.get("id")}
    told = [named[name] for name in (root.get("aria-labelledby") or "").split()]
    assert told == ["Where the money is, in EUR", "At the end, in EUR: Bank 310.00."]
    points = [title.text for title in root.iter(f"{SVG}title")]
    assert "Bank, 2026-10-31: 310.00 EUR" in points
    assert "Stripe, 2026-10-02: -0.77 EUR" in points


@pytest.mark.parametrize("shape", ["lines", "bars"])
def test_a_single_day_and_eighteen_decimals_are_drawn(shape: Shape) -> None:
    ether = dataclasses.replace(
        chart(shape, days=1),
        asset=Asset(3, "ETH", 18),
        series=(Series("On chain", (123_456_789 * 10**18 + 1,)),),
    )
    assert b"On chain, 2026-10-01: 123,456,789.000000000000000001 ETH" in draw(ether)


def test_books_without_entries_say_so() -> None:
    nothing = dataclasses.replace(chart(), series=())
    assert NOTHING_BOOKED in draw(nothing).decode()


def test_dark_screens_have_their_own_colours_and_a_browser_may_apply_them() -> None:
    assert "@media (prefers-color-scheme:dark)" in STYLE
    assert "sha256-" in CONTENT_POLICY["style-src"]
