"""The API's description for people: the OpenAPI document as one plain page, without any script."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, current_app, render_template

from web.headers import page
from web.openapi import openapi_document
from web.policies import POLICIES, action_of, public, public_reason_of

blueprint = Blueprint("docs", __name__, url_prefix="/api")

_METHODS = ("get", "post", "put", "patch", "delete")
_Json = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """A field of a body or an answer, as one line."""

    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True)
class Operation:
    """One call: its method and path, who may make it, and what goes in and out."""

    method: str
    path: str
    summary: str
    who: str
    query: list[Field] = field(default_factory=list)
    body: list[Field] = field(default_factory=list)
    answers: dict[str, list[Field]] = field(default_factory=dict)


@blueprint.route("/docs", methods=["GET"])
@public("The page describes the API to those who write clients")
@page
def show() -> str:
    """Show the description of the API."""
    return render_template("docs.html", groups=_groups(openapi_document()))


@blueprint.route("/docs.css", methods=["GET"])
@public("It belongs to the page")
def style() -> Response:
    """Send the page's style sheet."""
    return Response(render_template("docs.css"), mimetype="text/css")


def _groups(document: _Json) -> dict[str, list[Operation]]:
    groups: dict[str, list[Operation]] = {}
    who = _who_by_route()
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                described = methods[method]
                operation = _operation(document, method.upper(), path, described, who)
                groups.setdefault(described["tags"][0], []).append(operation)
    return groups


def _operation(
    document: _Json, method: str, path: str, described: _Json, who: Mapping[str, str]
) -> Operation:
    parameters = described.get("parameters", [])
    return Operation(
        method=method,
        path=path,
        summary=described.get("summary", ""),
        who=who.get(f"{method} {path}", ""),
        query=[
            Field(p["name"], _kind(p["schema"]), p.get("required", False), p.get("description", ""))
            for p in parameters
            if p["in"] == "query"
        ],
        body=list(_fields(document, described.get("requestBody", {}))),
        answers={
            status: list(_fields(document, answer))
            for status, answer in described["responses"].items()
            if status.startswith("2")
        },
    )


def _fields(document: _Json, holder: _Json) -> Iterator[Field]:
    """Yield the fields of a body or an answer, those of nested objects below their own."""
    content = holder.get("content", {}).get("application/json", {})
    if "schema" in content:
        yield from _schema_fields(document, content["schema"], prefix="")


def _schema_fields(document: _Json, schema: _Json, *, prefix: str) -> Iterator[Field]:
    schema = _resolved(document, schema)
    required = schema.get("required", [])
    for name, inner in schema.get("properties", {}).items():
        yield Field(prefix + name, _kind(inner), name in required, inner.get("description", ""))
        if "$ref" in inner.get("items", {}):
            yield from _schema_fields(document, inner["items"], prefix=f"{prefix}{name}[].")


def _resolved(document: _Json, schema: _Json) -> _Json:
    if "$ref" not in schema:
        return schema
    found: _Json = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _kind(schema: _Json) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"] if value is not None)
    kinds = schema.get("type", "object")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


def _who_by_route() -> dict[str, str]:
    """Return who may make each call, by `METHOD /path/{id}`."""
    found = {}
    for rule in current_app.url_map.iter_rules():
        view = current_app.view_functions[rule.endpoint]
        action = action_of(view)
        roles = sorted(POLICIES[action]) if action else []
        everybody = "anybody" if public_reason_of(view) else "nobody"
        path = rule.rule.replace("<id:", "{").replace(">", "}")
        for method in rule.methods or ():
            found[f"{method} {path}"] = ", ".join(roles) or everybody
    return found
