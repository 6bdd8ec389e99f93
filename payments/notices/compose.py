"""The body of a notice, as Standard Webhooks has it: `type`, `timestamp`, `data`."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from payments.lifecycle.view import rfc_3339


def compose(
    *, type_: str, occurred_at: dt.datetime, data: Mapping[str, Any], position: int | None = None
) -> str:
    """Return the text that is signed and sent, byte for byte, each time.

    `position` is the change's place among all changes, as on the event stream: notices may arrive
    in any order.
    """
    content: dict[str, Any] = {"type": type_, "timestamp": rfc_3339(occurred_at)}
    if position is not None:
        content["position"] = position
    return json.dumps(content | {"data": dict(data)}, separators=(",", ":"))
