"""The API's description for people: the OpenAPI document as one plain page, without any script."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask import Blueprint, Response, render_template

from web.content_policies import DOCS_POLICY
from web.headers import under_policy
from web.openapi import openapi_document
from web.policies import public
from web.problems import PROBLEMS

blueprint = Blueprint("docs", __name__, url_prefix="/api")

_METHODS = ("get", "post", "put", "patch", "delete")
_Json = Mapping[str, Any]


class Field(NamedTuple):
    """A field of a query, a body or an answer, as one line."""

    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True)
class Shown:
    """A body or an answer: what it is called, its fields, and an example as text."""

    title: str
    fields: list[Field]
    example: str


@dataclass(frozen=True)
class Operation:
    """One call: its method and path, who may make it, what goes in and out, and what may fail."""

    id: str
    method: str
    path: str
    summary: str
    description: list[str]
    parameters: list[Field]
    body: Shown | None
    answers: list[Shown]
    refusals: list[tuple[str, str]]


@blueprint.route("/docs", methods=["GET"])
@public("The page describes the API to those who write clients")
@under_policy(DOCS_POLICY)
def show() -> str:
    """Show the description of the API."""
    document = openapi_document()
    told = {tag["name"]: tag["description"] for tag in document["tags"]}
    return render_template(
        "docs.html", groups=_groups(document), told=told, problems=PROBLEMS, info=document["info"]
    )


@blueprint.route("/docs.css", methods=["GET"])
@public("It belongs to the page")
def style() -> Response:
    """Send the page's style sheet."""
    return Response(render_template("docs.css"), mimetype="text/css")


def _groups(document: _Json) -> dict[str, list[Operation]]:
    groups: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                described = methods[method]
                operation = _operation(document, method.upper(), path, described)
                groups.setdefault(described["tags"][0], []).append(operation)
    return groups


def _operation(document: _Json, method: str, path: str, described: _Json) -> Operation:
    body = described.get("requestBody")
    answers = described["responses"]
    return Operation(
        id=described["operationId"],
        method=method,
        path=path,
        summary=described["summary"],
        description=described["description"].split("\n\n"),
        parameters=[_parameter(each) for each in described.get("parameters", [])],
        body=None if body is None else _shown(document, "Body", body),
        answers=list(_answers(document, answers)),
        refusals=[
            (status, code)
            for status, answer in answers.items()
            for code in _codes(answer.get("content", {}).get("application/problem+json", {}))
        ],
    )


def _answers(document: _Json, answers: _Json) -> Iterator[Shown]:
    """Yield the successes; of a replay only that there is one, since it looks the same."""
    made = {status: answer for status, answer in answers.items() if status.startswith("2")}
    for status, answer in sorted(made.items(), reverse=True):
        is_replay = status == "200" and len(made) > 1
        title = f"{status} {answer.get('description', '')}"
        yield Shown(title, [], "") if is_replay else _shown(document, title, answer)


def _parameter(described: _Json) -> Field:
    name = described["name"] if described["in"] == "query" else f"{described['name']} (header)"
    required = described.get("required", False)
    return Field(name, _kind(described["schema"]), required, described.get("description", ""))


def _codes(problem: _Json) -> list[str]:
    codes: list[str] = problem.get("schema", {}).get("properties", {}).get("code", {}).get("enum")
    return codes or []


def _shown(document: _Json, title: str, holder: _Json) -> Shown:
    content = holder.get("content", {}).get("application/json", {})
    example = content.get("example")
    text = "" if example is None else json.dumps(example, indent=2, ensure_ascii=False)
    fields = list(_fields(document, content["schema"], prefix="")) if "schema" in content else []
    return Shown(title, fields, text)


def _fields(document: _Json, schema: _Json, *, prefix: str) -> Iterator[Field]:
    """Yield the fields of an object, those of nested objects below their own."""
    schema = _resolved(document, schema)
    required = schema.get("required", [])
    for name, inner in schema.get("properties", {}).items():
        kind, nested = _kind(inner), _nested(inner)
        yield Field(prefix + name, kind, name in required, inner.get("description", ""))
        if nested is not None:
            mark = "[]" if "items" in inner else ""
            yield from _fields(document, nested, prefix=f"{prefix}{name}{mark}.")


def _nested(schema: _Json) -> _Json | None:
    """Return the object inside a field: itself, one of two, or of a list."""
    candidates = [schema, schema.get("items", {}), *schema.get("anyOf", [])]
    return next((each for each in candidates if "$ref" in each), None)


def _resolved(document: _Json, schema: _Json) -> _Json:
    if "$ref" not in schema:
        return schema
    found: _Json = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _kind(schema: _Json) -> str:
    if "enum" in schema:
        return " | ".join("null" if value is None else str(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    kinds = schema.get("type", "object")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
