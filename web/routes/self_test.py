"""The self-test of live updates, for operators."""

from typing import Any
from urllib.parse import urlsplit

from flask import request

from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.schemas.self_test import NewSelfTest, SelfTest
from web.stream_self_test import Tested, try_streams

blueprint = Blueprint("self_test", __name__, url_prefix="/api/ops/events")


@blueprint.route("/self-test", methods=["POST"])
@allow("events.test")
@blueprint.arguments(NewSelfTest)
@blueprint.response(200, SelfTest)
def run(body: dict[str, Any]) -> Tested:
    """Open a real stream and say which of web, CORS, cookie, proxy, Redis, relay is at fault.

    The way in is the one by which this request came where STAFF_HOSTS says that the host is ours,
    else that of CONSOLE_URL, else web's own port, past every proxy: in production that leads to
    HTTPS, and `advice` says that no stream was opened. The command tries any address: `strongroom
    events test`.
    """
    parts = current_parts()
    return try_streams(
        parts,
        url=_way_in(),
        party_id=body.get("party_id"),
        origin=body.get("origin"),
    )


def _way_in() -> str:
    """Return where to knock; a Host that nobody has checked must not be sent a session."""
    settings = current_parts().settings
    if settings.staff_hosts:
        return request.host_url.rstrip("/")
    if settings.console_url is not None:
        console = urlsplit(settings.console_url)
        return f"{console.scheme}://{console.netloc}"
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        return f"http://127.0.0.1:{request.environ.get('SERVER_PORT', '80')}"
    host, port = connection.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
