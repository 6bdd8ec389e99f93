"""What an id in a path may look like, so that nothing else reaches a use case."""

import re
from typing import Any

from werkzeug.routing import BaseConverter

_PATTERN = "[a-z]{2,8}_[0-9A-Za-z]{1,64}"


class IdConverter(BaseConverter):
    """Matches our ids: `/api/payments/<id:payment_id>`; anything else is 404."""

    regex = _PATTERN


def describe_id(_converter: IdConverter) -> dict[str, Any]:
    """Return the OpenAPI schema of an id in a path."""
    return {"type": "string", "pattern": f"^{_PATTERN}$"}


def openapi_path(rule: str) -> str:
    """Return a Flask rule as OpenAPI writes it: `/api/payments/{payment_id}`."""
    return re.sub(r"<id:(\w+)>", r"{\1}", rule)
