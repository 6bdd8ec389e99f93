"""The console's navigation: what there is, in which order; each role sees what it may open."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import Flask
from werkzeug.exceptions import HTTPException

from payments.access.caller import Caller
from payments.errors import ForbiddenError
from web.policies import action_of, check_policy

ELSEWHERE = "console.lead_nowhere"
"""The endpoint of addresses at which there is no page."""


class Place(NamedTuple):
    """A page in the navigation; `is_here`: it, or something below it, is shown now."""

    title: str
    path: str
    is_here: bool = False


class Group(NamedTuple):
    """Pages that belong together."""

    title: str
    places: Sequence[Place]


GROUPS = (
    Group("", (Place("Overview", "/console"), Place("Search", "/console/search"))),
    Group(
        "Money",
        (
            Place("Releases", "/console/releases"),
            Place("Pending", "/console/pending"),
            Place("Reconciliation", "/console/reconciliation"),
            Place("Finance", "/console/finance"),
            Place("Periods", "/console/periods"),
        ),
    ),
    Group(
        "Operation",
        (
            Place("Alerts", "/console/alerts"),
            Place("Incidents", "/console/incidents"),
            Place("Runbooks", "/console/runbooks"),
            Place("Webhooks", "/console/webhooks"),
            Place("Dead letters", "/console/dead-letters"),
            Place("Restores", "/console/restores"),
        ),
    ),
    Group(
        "Trust",
        (
            Place("Keys & secrets", "/console/secrets"),
            Place("Audit log", "/console/audit"),
        ),
    ),
)


def groups_for(app: Flask, caller: Caller | None, path: str) -> list[Group]:
    """Return the groups with the pages that a caller may open; none for nobody."""
    if caller is None:
        return []
    shown = (
        Group(
            group.title,
            [
                place._replace(is_here=_is_at(place.path, path))
                for place in group.places
                if _may_open(app, caller, place.path)
            ],
        )
        for group in GROUPS
    )
    return [group for group in shown if group.places]


def _is_at(place: str, path: str) -> bool:
    return path == place or (place != "/console" and path.startswith(f"{place}/"))


def _may_open(app: Flask, caller: Caller, path: str) -> bool:
    try:
        endpoint, _ = app.url_map.bind("console").match(path)
    except HTTPException:
        return False
    if endpoint == ELSEWHERE:
        return False
    try:
        check_policy(caller, action_of(app.view_functions[endpoint]))
    except ForbiddenError:
        return False
    return True
