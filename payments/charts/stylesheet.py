"""How charts look: one style sheet for all of them, so that a content policy can name its hash.

Plain rules without variables, for renderers of PDF; the rules for dark screens come last, and
renderers that know no such thing leave them out.
"""

import base64
import hashlib

# Distinct for those who see few colours, too; light and dark grounds have their own.
_LIGHT = ("#2f6fde", "#d9772b", "#178a6e", "#8657c5", "#c03d4b", "#6b7686")
_DARK = ("#7ba7f7", "#f0a35e", "#4fc3a1", "#b795ea", "#ef8089", "#a3adbb")


def _colours(colours: tuple[str, ...]) -> str:
    return "".join(
        f".chart .color-{number} .line{{stroke:{colour}}}"
        f".chart .color-{number} .rect,.chart .color-{number} .dot,"
        f".chart .legend .color-{number}{{fill:{colour}}}"
        for number, colour in enumerate(colours)
    )


def _grounds(*, text: str, strong: str, line: str, zero: str) -> str:
    return (
        f".chart text{{fill:{text}}}.chart .no_data,.chart .legend text{{fill:{strong}}}"
        f".chart .y .guide{{stroke:{line}}}.chart .y .axis{{stroke:{zero}}}"
    )


STYLE = (
    ".chart text{font-family:system-ui,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;"
    "font-size:12px;stroke:none}"
    ".chart .background{fill:none}.chart .axis path{fill:none;stroke-width:1}"
    ".chart .x text{text-anchor:middle}.chart .y text{text-anchor:end}"
    ".chart .no_data{text-anchor:middle;font-size:14px}"
    ".chart .line{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}"
    ".chart .dot,.chart .rect{stroke:none}"
    + _grounds(text="#5b6573", strong="#1f2733", line="#e3e7ec", zero="#8d97a5")
    + _colours(_LIGHT)
    + "@media (prefers-color-scheme:dark){"
    + _grounds(text="#a9b3c0", strong="#e7ebf0", line="#333c48", zero="#76808e")
    + _colours(_DARK)
    + "}"
)

SERIES_MOST = len(_LIGHT)

# What a browser may apply when the chart is opened by itself.
CONTENT_POLICY = {
    "default-src": "'none'",
    "style-src": f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'",
    "frame-ancestors": "'none'",
}
