"""Staff work on a host of their own, which a network can keep to itself: STAFF_HOSTS names it.

Elsewhere the console and what only staff may do are not there, whoever asks: no sign-in page, no
word about roles. It is decided before anybody is identified (OWASP ASVS 5.0, 8.4.2 and 13.4.5).
"""

from collections.abc import Callable
from typing import Any

from flask import request
from werkzeug.exceptions import NotFound

from web.parts import current_parts
from web.policies import is_for_staff_only

_CONSOLE = "console"


def refuse_other_hosts(view: Callable[..., Any]) -> None:
    """Let what is for staff only be seen on their hosts only.

    Raises:
        NotFound: it is asked for at another one, as if the address led nowhere.
    """
    hosts = current_parts().settings.staff_hosts
    is_page = (request.blueprint or "").startswith(_CONSOLE)
    if not hosts or not (is_page or is_for_staff_only(view)):
        return
    # A proxy chose by Host whom to let through, and may pass on an X-Forwarded-Host that the caller
    # made up: so both have to name a host of staff.
    before_proxies: dict[str, str] = request.environ.get("werkzeug.proxy_fix.orig", {})
    for host in {request.host.lower(), (before_proxies.get("HTTP_HOST") or request.host).lower()}:
        if host not in hosts and host.rpartition(":")[0] not in hosts:
            raise NotFound
