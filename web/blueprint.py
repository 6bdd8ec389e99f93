"""The blueprint every route is made with: flask-smorest's, typed, with strict JSON bodies.

Strict: UTF-8, no field twice, no NaN, no floats (a fraction arrives as Decimal), so that no two
programs read one body differently (OWASP ASVS 5.0, 1.5.3).
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

import flask
import flask_smorest
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser

from payments.errors import InvalidRequestError

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
        body = req.get_data(cache=True)
        return parse_json(body) if body else {}


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


def parse_json(body: bytes) -> Any:
    """Return what a JSON body says.

    Raises:
        InvalidRequestError: it is not JSON, or JSON that can be read in two ways.
    """
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object_without_repeats,
            parse_constant=_refuse_constant,
            parse_float=Decimal,
        )
    except InvalidRequestError:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("The body is not valid JSON in UTF-8.") from error


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidRequestError("The body gives a field twice.")
    return found


def _refuse_constant(_name: str) -> NoReturn:
    raise InvalidRequestError("The body holds NaN or Infinity, which are not JSON.")
