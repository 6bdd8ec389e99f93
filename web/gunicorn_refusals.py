"""What gunicorn answers by itself, when what came is no request an application could be asked.

Its own page and log line repeat what was sent, perhaps a credential in a broken header; ours say
only which kind of fault it was.
"""

import json
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors

_OURS = (
    errors.ConfigurationProblem,
    errors.InvalidResponseHeader,
    errors.InvalidResponseHeaderName,
)
_HEADERS = (
    "Connection: close",
    "Content-Type: application/problem+json",
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options: nosniff",
    "Cache-Control: no-store",
)
_PROBLEM = {
    "type": "urn:strongroom:problem:validation",
    "title": HTTPStatus.BAD_REQUEST.phrase,
    "status": HTTPStatus.BAD_REQUEST.value,
    "detail": "This is no HTTP request that can be answered.",
    "code": "validation",
}


def is_callers_fault(error: BaseException) -> bool:
    """Whether the request cannot be read, rather than something having gone wrong here."""
    return isinstance(error, errors.ParseException) and not isinstance(error, _OURS)


def refuse(client: Any) -> None:
    """Answer 400 on a socket, and nothing of the request; the connection ends with it."""
    body = json.dumps(_PROBLEM).encode()
    lines = ["HTTP/1.1 400 Bad Request", *_HEADERS, f"Content-Length: {len(body)}", "", ""]
    client.sendall("\r\n".join(lines).encode() + body)
