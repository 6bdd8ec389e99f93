"""Where a payer may be sent back to: the platform's own pages only, or others could pose as it."""

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from payments.errors import InvalidRequestError

_FAULT = "Use an address that begins with one of the platform's trusted origins."
_VISIBLE = re.compile(r"[\x21-\x5b\x5d-\x7e]{1,2000}")  # no backslash: browsers take it for a slash


def check_return_urls(urls: Mapping[str, str], *, trusted_origins: Collection[str]) -> None:
    """Refuse addresses (by the name of their field) whose origin is not exactly a trusted one.

    Raises:
        InvalidRequestError: names each field at fault.
    """
    faults = {name: [_FAULT] for name, url in urls.items() if not _is_trusted(url, trusted_origins)}
    if faults:
        raise InvalidRequestError("The return address is not trusted.", errors=faults)


def _is_trusted(url: str, trusted_origins: Collection[str]) -> bool:
    if not _VISIBLE.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return f"{parts.scheme}://{parts.netloc}" in trusted_origins
