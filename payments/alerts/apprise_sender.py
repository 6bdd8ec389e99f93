"""Sends one message through apprise, which knows how to reach more than a hundred services."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apprise import Apprise

TIMEOUT_S = 10
_HTTP_STATUS = re.compile(r"error=([1-5]\d\d)")
_TYPES = {"opened": "failure", "again": "failure", "worse": "failure", "resolved": "success"}


class NotSentError(Exception):
    """The message did not arrive; the text says why and holds nothing secret."""


def send(address: str, *, title: str, body: str, kind: str, timeout_s: int = TIMEOUT_S) -> None:
    """Send a message to an address, waiting for `timeout_s` seconds at most.

    Raises:
        NotSentError: it did not arrive, as far as can be told.
    """
    sender = _sender_to(address, timeout_s=timeout_s)
    try:
        result = sender.notify(
            title=title,
            body=body,
            notify_type=_TYPES.get(kind, "info"),
            body_format="text",
            timeout=timeout_s,
        )
    except Exception as error:
        raise NotSentError(f"apprise failed: {type(error).__name__}") from error
    if not result:
        raise NotSentError(_why(result))


def understands(address: str) -> bool:
    """Whether apprise can send to such an address at all; nothing is sent."""
    try:
        _sender_to(address, timeout_s=TIMEOUT_S)
    except NotSentError:
        return False
    return True


def _sender_to(address: str, *, timeout_s: int) -> "Apprise":
    # It takes most of a second to load, and only who sends or checks an address needs it.
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - see above

    asset = AppriseAsset(
        app_id="Strongroom",
        app_desc="Strongroom alerts",
        app_url="",
        async_mode=False,  # our own threads do that
        storage_mode="memory",  # keeps no files
        http_redirects=False,
        service_timeout=timeout_s,
    )
    sender = Apprise(asset=asset)
    if not sender.add(address):
        raise NotSentError("apprise does not know this kind of address")
    return sender


def _why(result: object) -> str:
    """Return why it did not arrive, without the address: that may hold a token."""
    status = getattr(getattr(result, "status", None), "name", "FAILURE").lower()
    said = " ".join(str(entry) for entry in getattr(result, "logs", list)())
    answered = _HTTP_STATUS.search(said)
    return f"{status}: HTTP {answered[1]}" if answered else status
