"""Balances and flows of the ledger as pictures, for finance."""

from typing import Any

from flask import Response

from ledger.reporting import fix_as_of
from payments.charts.draw import draw
from payments.charts.read_chart import read_chart
from payments.charts.stylesheet import CONTENT_POLICY
from payments.database import read_snapshot
from payments.reports.wanted import read_wanted
from web.blueprint import Blueprint
from web.headers import under_policy
from web.parts import current_parts
from web.policies import allow
from web.schemas.charts import ChartQuery

blueprint = Blueprint("charts", __name__, url_prefix="/api/ledger")

_TYPE = "image/svg+xml"


@blueprint.route("/charts/<name:chart>.svg", methods=["GET"])
@allow("ledger.read")
@under_policy(CONTENT_POLICY)
@blueprint.arguments(ChartQuery, location="query")
@blueprint.response(200)
@blueprint.described(
    responses={
        "200": {
            "description": "The picture",
            "content": {_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        }
    }
)
def show_chart(query: dict[str, Any], chart: str) -> Response:
    """Draw a chart as SVG.

    The charts are balances, obligations, flows and result, each of one asset. The picture has a
    title, a description and the amount of each point as text; it follows the reader's light or
    dark setting. The same `as_of` gives the same bytes for ever.
    """
    parts = current_parts()
    texts = {name.rstrip("_"): value for name, value in query.items() if name != "width"}
    wanted = read_wanted("trial-balance", texts, now=parts.now())
    fixed = fix_as_of(parts.engine, wanted.as_of, now=parts.now())
    with read_snapshot(parts.engine) as connection:
        drawn = read_chart(connection, chart, wanted.scope(fixed.as_of))
    return Response(draw(drawn, width=query["width"]), mimetype=_TYPE)
