"""The OpenAPI 3.1 document at /api/openapi.json, made from the routes and schemas themselves."""

from functools import partial
from typing import Any

from flask import Flask, current_app
from flask_smorest import Api
from marshmallow import Schema, fields

from web.paths import IdConverter, describe_id
from web.policies import public
from web.schemas.fields import AmountField, CountField, MomentField, RateField


class ProblemSchema(Schema):
    """An error as application/problem+json (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String()
    code = fields.String(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    request_id = fields.String()


class DescribedApi(Api):  # type: ignore[misc] # flask-smorest has no types
    """Documents our problems instead of flask-smorest's own errors."""

    ERROR_SCHEMA = ProblemSchema


def openapi_document() -> dict[str, Any]:
    """Return the document of the application that serves this request."""
    api = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    document: dict[str, Any] = api.spec.to_dict()
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
    app.url_map.converters["id"] = IdConverter
    api = DescribedApi(
        app,
        spec_kwargs={
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
    api.register_converter(IdConverter, describe_id)
    api.register_field(AmountField, "string", None)
    api.register_field(CountField, "integer", None)
    api.register_field(MomentField, "string", "date-time")
    api.register_field(RateField, "string", None)
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith("api-docs."):  # a method, which cannot carry a mark itself
            reason = "The document describes the API to those who write clients"
            app.view_functions[endpoint] = public(reason)(partial(view))
    return api
