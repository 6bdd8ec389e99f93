"""The OpenAPI 3.1 document at /api/openapi.json, made from the routes and schemas themselves."""

import copy
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, jsonify
from flask_smorest import Api

from web.openapi_components import (
    HEADERS,
    Json,
    ProblemSchema,
    complete_answers,
    describe_field,
    problem_answer,
)
from web.openapi_operations import complete_operations, tag_descriptions
from web.paths import CONVERTERS, describe_converter
from web.policies import public
from web.schemas.fields import AmountField, CountField, MomentField, RateField

_LICENSE = {"name": "Apache 2.0", "identifier": "Apache-2.0"}
_DESCRIPTION = """\
Amounts are whole minor units of the currency, written as strings of digits in answers. Times are
RFC 3339 in UTC.

Every call that creates or moves something takes a `reference` of the caller's choice: send the
same request again as often as you like, it happens once.

Errors are `application/problem+json`: act on `code`, show `detail`, log `request_id`. An address
answers 404 to ids that do not exist or are not the caller's, and 405 with `Allow` to other methods.
"""


class DescribedApi(Api):  # type: ignore[misc] # flask-smorest has no types
    """Documents our problems instead of flask-smorest's own errors, and each operation in full."""

    ERROR_SCHEMA = ProblemSchema

    @cached_property
    def document(self) -> Json:
        """The whole document, made when it is first asked for: then all routes are registered."""
        document: Json = copy.deepcopy(self.spec.to_dict())
        refs = self.ma_plugin.converter.refs.items()
        classes = {name: key[0] for key, name in refs}
        del document["components"]["schemas"]["PaginationMetadata"]  # flask-smorest's, not used
        document["components"] |= {"headers": HEADERS, "responses": _of_any_address()}
        document["tags"] = tag_descriptions(current_app, [tag["name"] for tag in document["tags"]])
        complete_operations(document, current_app, classes)
        complete_answers(document, classes)
        return document

    def _openapi_json(self) -> Response:
        return jsonify(self.document)


def openapi_document() -> Json:
    """Return the document of the application that serves this request."""
    document: Json = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"].document
    return document


def install_openapi(app: Flask) -> Any:
    """Serve the document and return the API that blueprints are registered with."""
    app.config.update(
        API_TITLE="Strongroom",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
    )
    app.url_map.converters.update(CONVERTERS)
    api = DescribedApi(
        app,
        spec_kwargs={
            "info": {"description": _DESCRIPTION, "license": _LICENSE},
            "components": {
                "securitySchemes": {
                    "bearer": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "An API key (srk_…) or a person's token (JWT, ES256).",
                    },
                    "session": {"type": "apiKey", "in": "cookie", "name": "strongroom_session"},
                }
            },
            "security": [{"bearer": []}, {"session": []}],
        },
    )
    for converter in CONVERTERS.values():
        api.register_converter(converter, describe_converter)
    api.register_field(AmountField, "string", None)
    api.register_field(CountField, "integer", None)
    api.register_field(MomentField, "string", "date-time")
    api.register_field(RateField, "string", None)
    api.ma_plugin.converter.add_attribute_function(describe_field)
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith("api-docs."):  # a method, which cannot carry a mark itself
            reason = "The document describes the API to those who write clients"
            app.view_functions[endpoint] = public(reason)(partial(view))
    return api


def _of_any_address() -> Json:
    """Return what no operation can answer, but addresses do."""
    status = HTTPStatus.METHOD_NOT_ALLOWED
    answer = problem_answer(status, ["method_not_allowed"])
    answer["headers"] |= {
        "Allow": {"description": "The methods it knows.", "schema": {"type": "string"}}
    }
    return {"MethodNotAllowed": answer}
