"""The blueprint every route is made with: flask-smorest's, typed, with strict JSON bodies."""

from collections.abc import Callable
from typing import Any, TypeVar

import flask
import flask_smorest
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser

from web.bodies import json_body

_View = TypeVar("_View", bound=Callable[..., Any])


class StrictParser(FlaskParser):
    """Parses bodies strictly; what a schema refuses is a 400."""

    DEFAULT_VALIDATION_STATUS = 400
    # A filter nobody knows must not look as if it had been applied.
    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 - webargs' hook
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": RAISE,
    }

    def _raw_load_json(self, req: flask.Request) -> Any:
        return json_body(req)


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc] # flask-smorest has no types
    """A group of routes; its decorators keep the view's type."""

    ARGUMENTS_PARSER = StrictParser()

    def route(self, rule: str, *, methods: list[str]) -> Callable[[_View], _View]:
        """Serve `rule` with the view."""
        decorator: Callable[[_View], _View] = super().route(rule, methods=methods)
        return decorator

    def arguments(
        self, schema: type[Schema], *, location: str = "json"
    ) -> Callable[[_View], _View]:
        """Parse the body or query by `schema` and pass it as the view's first argument."""
        decorator: Callable[[_View], _View] = super().arguments(schema, location=location)
        return decorator

    def response(
        self, status: int, schema: type[Schema] | None = None, *, description: str = ""
    ) -> Callable[[_View], _View]:
        """Render what the view returns by `schema`."""
        decorator: Callable[[_View], _View] = super().response(
            status, schema, description=description or None
        )
        return decorator

    def also_answers(
        self, status: int, schema: type[Schema], *, headers: dict[str, Any] | None = None
    ) -> Callable[[_View], _View]:
        """Describe another answer than the usual one."""
        decorator: Callable[[_View], _View] = super().alt_response(
            status, schema=schema, headers=headers
        )
        return decorator

    def described(self, **operation: Any) -> Callable[[_View], _View]:
        """Add to the OpenAPI description what neither schemas nor marks can say."""
        decorator: Callable[[_View], _View] = super().doc(**operation)
        return decorator
