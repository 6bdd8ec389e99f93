"""Draws a chart as SVG with pygal, and takes out all that is not drawing.

What is left has no script, no address of anything outside, no date of its making, and the same
bytes for the same chart. It says what it shows: a title, a description, and each point's amount.
"""

import sys
from typing import Literal

import pygal
from lxml import etree

from payments.charts.chart import Chart
from payments.charts.scale import grouped, short, ticks
from payments.charts.stylesheet import STYLE

# pygal hangs a finder of plug-ins into every import of the process, of a kind that Python warns of
# and, from 3.12 on, passes over. We have no plug-ins.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

Width = Literal["wide", "narrow"]

NOTHING_BOOKED = "Nothing was booked in this period"

_SIZES = {"wide": (760, 300), "narrow": (380, 300)}
_LABELS = {"wide": 7, "narrow": 3}
_LEGENDS = {"wide": 3, "narrow": 2}
_MARGIN = 8
_ROW = 18  # a further row of the legend
_DOTS_MOST = 40  # more would be a caterpillar
_SVG = "{http://www.w3.org/2000/svg}"
_DRAWN = frozenset({"svg", "g", "path", "rect", "circle", "text", "title"})
_ATTRIBUTES = frozenset(
    {"x", "y", "rx", "ry", "cx", "cy", "r", "width", "height", "d", "class", "transform", "viewBox"}
)


def draw(chart: Chart, *, width: Width = "wide") -> bytes:
    """Return the chart as an SVG document in UTF-8; `narrow` is for phones."""
    root = etree.fromstring(_plotted(chart, width))
    _name_points(root, chart)
    _take_out(root)
    _describe(root, chart)
    style = etree.Element(f"{_SVG}style")
    style.text = STYLE
    root.insert(2, style)
    etree.cleanup_namespaces(root)
    return etree.tostring(root, encoding="utf-8")


def _plotted(chart: Chart, width: Width) -> bytes:
    amounts = [amount for series in chart.series for amount in series.amounts]
    marks = ticks(min(amounts, default=0), max(amounts, default=0))
    size, columns = _SIZES[width], min(_LEGENDS[width], max(len(chart.series), 1))
    rows = -(-len(chart.series) // columns)
    kind = pygal.Bar if chart.shape == "bars" else pygal.Line
    plot = kind(
        js=(),
        css=(),
        classes=("chart",),
        no_prefix=True,
        width=size[0],
        height=size[1],
        margin=_MARGIN,
        margin_right=24,
        margin_bottom=_MARGIN + _ROW * (rows - 1),
        show_y_labels=bool(chart.series),
        spacing=8,
        range=(marks[0], marks[-1]),
        y_labels=marks if chart.series else None,
        x_labels=list(chart.steps),
        x_labels_major=_labelled(chart.steps, most=_LABELS[width]),
        show_minor_x_labels=False,
        truncate_label=-1,
        truncate_legend=-1,
        value_formatter=lambda amount: short(round(amount), chart.asset),
        show_dots=len(chart.steps) <= _DOTS_MOST,
        legend_at_bottom=True,
        legend_at_bottom_columns=columns,
        legend_box_size=10,
        no_data_text=NOTHING_BOOKED,
        style=pygal.style.Style(label_font_size=12, major_label_font_size=12, legend_font_size=12),
    )
    for series in chart.series:
        plot.add(
            series.name,
            list(series.amounts),
            formatter=lambda amount: f"{grouped(amount, chart.asset)} {chart.asset.code}",
        )
    svg: bytes = plot.render()
    return svg


def _labelled(steps: tuple[str, ...], *, most: int) -> list[str]:
    """Return the steps that are named on the axis: every so many."""
    every = max(-(-len(steps) // most), 1)
    return list(steps[::every])


def _name_points(root: etree._Element, chart: Chart) -> None:
    """Give each point a title, of what pygal keeps for its script: of what, when, how much."""
    for desc in list(root.iter(f"{_SVG}desc")):
        point = desc.getparent()
        if point is None or desc.get("class") != "value":
            continue
        said = {each.get("class"): each.text for each in point.iter(f"{_SVG}desc")}
        title = etree.Element(f"{_SVG}title")
        title.text = f"{_series_of(point, chart)}, {said['x_label']}: {said['value']}"
        point.insert(0, title)


def _series_of(point: etree._Element, chart: Chart) -> str:
    drawn = next(each for each in point.iterancestors() if "series" in each.get("class", ""))
    number = next(part for part in drawn.get("class", "").split() if part.startswith("serie-"))
    return chart.series[int(number.removeprefix("serie-"))].name


def _take_out(root: etree._Element) -> None:
    """Keep what is drawn, and nothing that a script or the world outside would be needed for."""
    for element in list(root.iter()):
        name = element.tag.removeprefix(_SVG) if isinstance(element.tag, str) else ""
        if name not in _DRAWN or "tooltip" in element.get("class", "").split():
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)
            continue
        for attribute in set(element.attrib) - _ATTRIBUTES:
            del element.attrib[attribute]
    for group in list(root.iter(f"{_SVG}g")):
        parent = group.getparent()
        if len(group) == 0 and parent is not None:
            parent.remove(group)


def _describe(root: etree._Element, chart: Chart) -> None:
    """Say what the picture is and shows, to those who do not see it (SVG 2, 5.8 and WAI-ARIA)."""
    for own in root.findall(f"{_SVG}title"):
        root.remove(own)  # pygal's
    named = f"chart-{chart.name}-{chart.asset.code}".lower()
    for number, (tag, text) in enumerate((("title", chart.title), ("desc", chart.told))):
        element = etree.Element(f"{_SVG}{tag}", id=f"{named}-{tag}")
        element.text = text
        root.insert(number, element)
    root.set("role", "img")
    root.set("aria-labelledby", f"{named}-title {named}-desc")
