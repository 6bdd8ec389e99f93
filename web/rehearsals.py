"""Dry runs: `?dry_run=true` has a request do all it would do, answer, and take it back.

Only views marked for it take that: those whose every effect is rows of one transaction. The answer
is the one that would be given, with `Dry-Run: true`; what it names was not kept.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request

from payments.database import rehearse
from payments.errors import InvalidRequestError

PARAMETER = "dry_run"
HEADER = "Dry-Run"
_TRUE = "true"

_View = TypeVar("_View", bound=Callable[..., Any])


def rehearsable(view: _View) -> _View:
    """Mark a view as one that takes `?dry_run=true`."""
    view.rehearsable = True  # type: ignore[attr-defined] # read by `is_rehearsable`
    return view


def is_rehearsable(view: Callable[..., Any] | None) -> bool:
    """Whether a view takes `?dry_run=true`."""
    return getattr(view, "rehearsable", False)


def install_rehearsals(app: Flask) -> None:
    """Rehearse the requests that ask for it; install it after authentication."""
    app.before_request(_begin)
    app.after_request(_tell)
    app.teardown_request(_end)


def openapi_parameter() -> dict[str, Any]:
    """Return the parameter that the views marked for it take, for the description of the API."""
    return {
        "in": "query",
        "name": PARAMETER,
        "schema": {"type": "string", "enum": [_TRUE]},
        "description": "Answer as if it were done, and change nothing.",
    }


def asks_rehearsal() -> bool:
    """Whether this request says that it is a dry run."""
    return PARAMETER in request.args


def _begin() -> None:
    if request.endpoint is None:
        return
    asked = request.args.get(PARAMETER)
    if not is_rehearsable(current_app.view_functions[request.endpoint]):
        if asked is not None:
            raise InvalidRequestError(
                "This cannot be tried without doing it.",
                errors={PARAMETER: ["This call takes no dry run; leave it out."]},
            )
        return
    _refuse_others()
    if asked is None:
        return
    if asked != _TRUE:
        raise InvalidRequestError(
            "Whether to try only is not clear.", errors={PARAMETER: ["It is true, or left out."]}
        )
    g.rehearsal = ExitStack()
    g.rehearsal.enter_context(rehearse())


def _refuse_others() -> None:
    """Refuse misspelled parameters: who wrote `dryrun=true` does not want it done."""
    others = sorted(set(request.args) - {PARAMETER})
    if others:
        remedy = f"There is no parameter of this name; to try only, write {PARAMETER}={_TRUE}."
        raise InvalidRequestError(
            "This call takes no such parameter.", errors={name: [remedy] for name in others}
        )


def _tell(response: Response) -> Response:
    if "rehearsal" in g:
        response.headers[HEADER] = _TRUE
        _end(None)  # what the request leaves behind, such as a refusal in the audit log, stays
    return response


def _end(_error: BaseException | None) -> None:
    scope: ExitStack | None = g.pop("rehearsal", None)
    if scope is not None:
        scope.close()
