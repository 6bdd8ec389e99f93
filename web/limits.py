"""How often anybody may call in a minute: which requests count as what, and for whom.

Each request counts once. People are counted by who they are, programs by their key, whoever is
unknown by address. The figures are RATE_LIMITS; docs/api.md tells callers of them.
"""

import contextlib
import ipaddress
import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from flask import Flask, current_app, g, request

from payments.access.caller import Caller
from payments.errors import InvalidSignatureError, RateLimitedError
from web.parts import current_parts
from web.policies import action_of, public_reason_of
from web.request_counts import RequestCounts

_EXTENSION = "strongroom_limits"
_V6_PREFIX = 64  # one customer of a network has as many addresses as these leave open

KINDS: dict[str, str] = {
    "sessions.start": "sign_ins",
    "payments.create": "payments",
    "payments.confirm": "payments",
    "payments.cancel": "payments",
    "payments.capture": "payments",
    "refunds.create": "payments",
    "escrow.deploy": "payments",
    "escrow.refund": "payments",
    "escrow.dispute": "payments",
    "releases.create": "releases",
    "releases.approve": "releases",
    "releases.unfreeze": "releases",
    "destinations.propose": "releases",
    "destinations.decide": "releases",
    "payouts.retry": "releases",
    "exports.create": "documents",
}
"""What an action counts as for a person; anything else is one of their requests."""

_View = TypeVar("_View", bound=Callable[..., Any])


def install_limits(app: Flask, counts: RequestCounts) -> None:
    """Count every request and refuse what is too many; install it after authentication."""
    app.extensions[_EXTENSION] = counts
    app.before_request(_count_request)


def counts_as(kind: str) -> Callable[[_View], _View]:
    """Mark a view that costs more than others of its action: `documents`."""

    def mark(view: _View) -> _View:
        view.counts_as = kind  # type: ignore[attr-defined] # read by `limit_of`
        return view

    return mark


def uncounted(view: _View) -> _View:
    """Mark a public view that may be asked as often as its caller likes: probes and webhooks."""
    view.is_uncounted = True  # type: ignore[attr-defined] # read by `is_uncounted`
    return view


def is_uncounted(view: Callable[..., Any]) -> bool:
    """Whether a view is marked so."""
    found: bool = getattr(view, "is_uncounted", False)
    return found


def limit_of(view: Callable[..., Any], caller: Caller | None) -> str | None:
    """Return the name of the limit that a request counts towards; None for one without limits."""
    if is_uncounted(view):
        return None
    if caller is None:
        return "address.requests" if public_reason_of(view) else None
    if caller.principal.startswith("key:"):
        return "program.requests"
    marked: str | None = getattr(view, "counts_as", None)
    return f"person.{marked or KINDS.get(action_of(view) or '', 'requests')}"


def note_bad_credential() -> None:
    """Count a credential that was refused, for its address; good ones never wait for bad ones.

    Raises:
        RateLimitedError: there were too many.
    """
    view = current_app.view_functions[request.endpoint or ""]
    signs_in = action_of(view) == "sessions.start"
    _count("address.sign_ins" if signs_in else "address.bad_credentials", network_of_caller())


@contextlib.contextmanager
def counting_bad_signatures() -> Iterator[None]:
    """Count a webhook that nobody known has signed, for its address.

    Raises:
        RateLimitedError: there were too many.
    """
    try:
        yield
    except InvalidSignatureError:
        _count("address.bad_signatures", network_of_caller())
        raise


def _count_request() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.method == "OPTIONS":
        return
    caller: Caller | None = g.get("caller")
    name = limit_of(view, caller)
    if name is None:
        return
    if caller is None:
        whom = network_of_caller()
    else:
        whom = caller.principal if name.startswith("program.") else caller.person
    _count(name, whom)


def _count(name: str, whom: str) -> None:
    counts: RequestCounts = current_app.extensions[_EXTENSION]
    most = current_parts().settings.rate_limits[name]
    waiting_s = counts.wait_s(most, name, whom)
    if waiting_s:
        kind = name.partition(".")[2].replace("_", " ")
        raise RateLimitedError(
            f"More than {most} {kind} in a minute; send no more before `Retry-After`.",
            retry_after_s=math.ceil(waiting_s),
        )


def network_of_caller() -> str:
    """Return the caller's address, of IPv6 the network that one customer has."""
    text = request.remote_addr or "unknown"
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _V6_PREFIX), strict=False))
