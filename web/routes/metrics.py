"""What Prometheus reads: `GET /metrics`, with an API key or from an address that is named."""

from flask import Blueprint, Response

from payments.overview.scrape import CONTENT_TYPE, scrape
from web.aside import run_aside
from web.limits import uncounted
from web.parts import current_parts
from web.policies import allow

blueprint = Blueprint("metrics", __name__)


@blueprint.route("/metrics", methods=["GET"])
@allow("metrics.read", by_network=True)
@uncounted
def read() -> Response:
    """Return all metrics of this machine's processes, and the figures of the whole system."""
    parts = current_parts()
    text = scrape(
        parts.overview,
        parts.settings.telemetry.metrics_folder,
        now=parts.now(),
        aside=run_aside,
    )
    return Response(text, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
