"""The desk of keys and secrets: how old each is, what is due, and ending or replacing it."""

import datetime as dt

from flask import render_template

from payments.access.api_keys import LONGEST_LIFE, list_keys
from payments.access.caller import KEY_ROLES
from payments.access.read_key_uses import read_key_uses
from payments.access.tables import ApiKey
from payments.database import in_transaction
from payments.pages import Page
from payments.secret_versions.kinds import LIMITS
from payments.secret_versions.list_secrets import list_secrets
from web.authentication import current_caller
from web.console_pages import ConsolePages
from web.console_queries import PAGE, page_after, read_filters
from web.parts import current_parts
from web.policies import is_allowed
from web.schemas.fields import PageQuery

blueprint = ConsolePages("console_secrets")

_SOON = dt.timedelta(days=14)


@blueprint.page("/secrets", action="secrets.read")
def show() -> str:
    """Show every version of every secret, and to who may see them the API keys."""
    parts, now = current_parts(), current_parts().now()
    ages = parts.settings.secret_max_age_d
    versions = in_transaction(
        parts.engine, lambda session: list_secrets(session, max_age_d=ages, now=now)
    )
    after = read_filters(PageQuery, ("after",)).get("after")
    keys = Page[ApiKey]([], None)
    if is_allowed(current_caller(), "keys.read"):
        keys = in_transaction(
            parts.engine, lambda session: list_keys(session, limit=PAGE, after=after)
        )
    return render_template(
        "console/secrets.html",
        versions=versions,
        limits=LIMITS,
        keys=keys.data,
        older=page_after(keys.next, {}),
        soon=now + _SOON,
        roles=sorted(KEY_ROLES),
        longest_life_s=int(LONGEST_LIFE.total_seconds()),
    )


@blueprint.page("/secrets/keys/<id:key_id>", action="keys.read")
def show_key(key_id: str) -> str:
    """Show from where an API key was used, and what was done with it.

    Raises:
        NotFoundError: there is no such key.
    """
    parts = current_parts()
    read = in_transaction(
        parts.engine,
        lambda session: read_key_uses(session, key_id=key_id, since=None, now=parts.now()),
    )
    return render_template("console/key.html", read=read)
