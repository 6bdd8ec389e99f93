"""What every page of the console is made with: its blueprint, its layout, and how it refuses."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Blueprint, Response, current_app, g, render_template, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from payments.access.caller import Caller
from payments.errors import StepUpRequiredError, UnauthorizedError
from web.console_nav import groups_for
from web.console_words import FILTERS, all_decimals
from web.content_policies import CONSOLE_POLICY
from web.errors import Problem, describe
from web.headers import under_policy
from web.parts import current_parts
from web.policies import allow, is_allowed
from web.standstill import why_it_stands_still

READING = "console.read"
"""The action of pages that all of the staff may read."""

_View = TypeVar("_View", bound=Callable[..., Any])


class ConsolePages(Blueprint):
    """Pages of one subject: `web/routes/console_<subject>.py` makes one, named like its file.

    Its errors are pages, too; acts are calls of the API, so a page only ever answers GET.
    """

    def __init__(self, name: str) -> None:
        """Serve under /console."""
        super().__init__(name, name, url_prefix="/console")
        self.register_error_handler(Exception, _refuse)
        self.context_processor(_surroundings)
        self.record_once(lambda state: state.app.jinja_env.filters.update(FILTERS))

    def page(self, rule: str, *, action: str = READING) -> Callable[[_View], _View]:
        """Serve a page to the roles of an action, under the console's content policy."""

        def mark(view: _View) -> _View:
            guarded = allow(action)(under_policy(CONSOLE_POLICY)(view))
            self.add_url_rule(rule, view_func=guarded, methods=["GET"])
            return guarded

        return mark


def _surroundings() -> dict[str, Any]:
    """Return what the layout shows around a page."""
    caller: Caller | None = g.get("caller")
    parts = current_parts()
    return {
        "caller": caller,
        "nav": groups_for(current_app, caller, request.path),
        "may": lambda action: caller is not None and is_allowed(caller, action),
        "now": parts.now(),
        "all_decimals": all_decimals,
        "sign_in_url": parts.settings.console_sign_in_url,
        "is_sandbox": parts.settings.is_sandbox,
        "standing_still": _standing_still(caller),
    }


def _standing_still(caller: Caller | None) -> str | None:
    """Return why nothing is sent, for whoever may know; None when nobody can say just now."""
    if caller is None or not is_allowed(caller, "restores.read"):
        return None
    try:
        return why_it_stands_still(current_parts())
    except OperationalError:  # the page itself says that the database is away
        return None


def _refuse(error: Exception) -> Response | tuple[str, int, dict[str, str]]:
    """Show why there is no such page now, or not for this caller, and what to do."""
    problem = describe(error)
    if isinstance(error, HTTPException):
        return problem.response()  # on a host where there is no console: web/staff_hosts.py
    headers = dict(problem.headers)
    if isinstance(error, UnauthorizedError | StepUpRequiredError):
        again = isinstance(error, StepUpRequiredError)
        return render_template("console/sign_in.html", again=again), problem.status, headers
    shown = render_template(
        "console/refused.html",
        problem=problem,
        advice=_advice(problem),
        request_id=g.get("request_id"),
    )
    return shown, problem.status, headers


def _advice(problem: Problem) -> str:
    """Return what a person does about it."""
    match problem.status:
        case HTTPStatus.FORBIDDEN:
            return "Ask somebody whose role may see it, or sign in as another."
        case HTTPStatus.NOT_FOUND:
            return "Look at the address, or search for it by any number you were given."
        case HTTPStatus.BAD_REQUEST:
            return "Mend what is named here, and ask again."
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE | HTTPStatus.CONFLICT:
            return "Nothing was lost. Wait a few seconds, then load the page again."
    return "Load the page again. If it stays so, look for the request's id in the log."
