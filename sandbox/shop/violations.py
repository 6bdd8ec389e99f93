"""What browsers report that a page's content policy has stopped: a line for the shop's operator.

Anybody may send reports, so little of them is read, less is kept, and not many a minute.
"""

import json
import logging
import time
from typing import Any

from flask import request

_LONGEST_BYTES = 16_384
_REPORTS_MOST = 20  # in one request
_LINES_A_MINUTE = 60
_TEXT_MOST = 200
_log = logging.getLogger("shop.violations")
_minute = [0, 0]  # which one, and how many lines it has had


def note_violations() -> None:
    """Write a line for each report of this request; what cannot be read is left out."""
    if (request.content_length or _LONGEST_BYTES + 1) > _LONGEST_BYTES:
        return
    try:
        told = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError):
        return
    for report in told[:_REPORTS_MOST] if isinstance(told, list) else [told]:
        line = _line(report)
        if line and _has_room(int(time.monotonic() // 60)):
            _log.warning("a page was kept from something: %s", json.dumps(line))


def _line(report: Any) -> dict[str, str]:
    """Read the two forms there are: `report-uri`'s, and the Reporting API's."""
    if not isinstance(report, dict):
        return {}
    body = report.get("csp-report", report.get("body"))
    if not isinstance(body, dict):
        return {}
    names = {
        "page": ("document-uri", "documentURL"),
        "directive": ("effective-directive", "effectiveDirective"),
        "blocked": ("blocked-uri", "blockedURL"),
    }
    found = {
        name: next((body[key] for key in keys if isinstance(body.get(key), str)), "")
        for name, keys in names.items()
    }
    # Without the query, which may hold what nobody should read.
    return {name: value.partition("?")[0][:_TEXT_MOST] for name, value in found.items() if value}


def _has_room(minute: int) -> bool:
    if _minute[0] != minute:
        _minute[:] = [minute, 0]
    _minute[1] += 1
    return _minute[1] <= _LINES_A_MINUTE
