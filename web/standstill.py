"""While the database stands still after a restore, nothing is asked of it but what helps.

Whoever sends a request whose first answer was forgotten would be taken for somebody who asks anew.
So all that changes something is put off, but for what staff need to see the restore through, and
what providers tell.
"""

from flask import Flask, current_app, request

from payments.database import in_transaction
from payments.errors import UnavailableError
from payments.standstill.standing import standing_still
from web.parts import Parts, current_parts
from web.policies import action_of, public_reason_of

HELPS = frozenset(
    {
        "sessions.start",
        "sessions.end",
        "restores.begin",
        "restores.manage",
        "restores.finish",
        "releases.freeze",
        "webhooks.replay",
        "webhooks.set_retry_window",
        "incidents.manage",
        "alerts.acknowledge",
        "alerts.test",
        "keys.create",
        "keys.rotate",
        "keys.revoke",
        "secrets.rotate",
        "secrets.revoke",
        "ledger.read",
        "audit.read",
    }
)
"""What may be done while it stands still: nothing of it sends money."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_BELIEVED_FOR_S = 1
_RETRY_AFTER_S = 60
_EXTENSION = "strongroom_standstill"


def install_standstill(app: Flask) -> None:
    """Put off what must wait; install it after authentication."""
    app.extensions[_EXTENSION] = (None, None)
    app.before_request(_put_off)


def _put_off() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.method in _READING:
        return
    if public_reason_of(view) is not None or action_of(view) in HELPS:
        return
    why = why_it_stands_still(current_parts())
    if why is not None:
        raise UnavailableError(
            f"The database was restored ({why}): nothing is changed until that is finished.",
            retry_after_s=_RETRY_AFTER_S,
        )


def why_it_stands_still(parts: Parts) -> str | None:
    """Return why it stands still, asked for once a second at most: the gate asks each time.

    None: it does not.
    """
    at, why = current_app.extensions[_EXTENSION]
    now = parts.now()
    if at is None or not 0 <= (now - at).total_seconds() < _BELIEVED_FOR_S:
        why = in_transaction(parts.engine, standing_still)
        current_app.extensions[_EXTENSION] = (now, why)
    told: str | None = why
    return told
