"""Completes each operation of the OpenAPI document with what its route's marks and shape tell."""

import inspect
from collections import defaultdict
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask
from marshmallow import Schema

from web.bodies import reads_raw_body
from web.limits import is_uncounted
from web.openapi_components import REFERENCE_PARAMETER, Json, problem_answer
from web.paths import openapi_path
from web.policies import POLICIES, action_of, public_reason_of
from web.problems import PROBLEMS, problems_of
from web.rehearsals import is_rehearsable, openapi_parameter

_View = Callable[..., Any]
_WRITING = frozenset({"post", "put", "patch", "delete"})
_OF_REFERENCES = ("reference_required", "in_progress", "reference_reused")
_REQUEST_ID = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
_REPLAYED = {"Idempotent-Replayed": {"$ref": "#/components/headers/Idempotent-Replayed"}}


def complete_operations(document: Json, app: Flask, classes: Mapping[str, type[Schema]]) -> None:
    """Give every operation its id, callers, problems, headers and examples."""
    endpoints = {
        (openapi_path(rule.rule), method.lower()): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    for path, methods in document["paths"].items():
        shared = methods.get("parameters", [])
        for method, operation in methods.items():
            if method != "parameters":
                endpoint = endpoints[path, method]
                view = app.view_functions[endpoint]
                operation["operationId"] = endpoint.replace(".", "_")
                _complete(document, operation, method, view, has_id=bool(shared))
                _add_examples(operation, classes)


def callers_of(view: _View) -> str:
    """Return who may call a view, in words."""
    action = action_of(view)
    if action is None:
        return "anybody"
    return ", ".join(sorted(role.value for role in POLICIES[action]))


def _complete(document: Json, operation: Json, method: str, view: _View, *, has_id: bool) -> None:
    told = operation.get("description", "")
    reason = public_reason_of(view)
    scope = f"For: {callers_of(view)}. Scope of API keys: `{action_of(view)}`."
    for_whom = f"For anybody. {reason}." if reason else scope
    operation["description"] = "\n\n".join(filter(None, [told, for_whom]))
    if reason:
        operation["security"] = []
    if is_rehearsable(view):
        operation.setdefault("parameters", []).append(openapi_parameter())
    takes_reference = _takes_reference(document, operation)
    if takes_reference:
        operation.setdefault("parameters", []).append(REFERENCE_PARAMETER)
    answers = {
        status: answer
        for status, answer in operation["responses"].items()
        if status.startswith("2") or "application/json" in answer.get("content", {})
    }
    for answer in answers.values():
        answer["headers"] = answer.get("headers", {}) | _REQUEST_ID
    if takes_reference:
        _add_replay(answers)
    _let_body_be_left_out(document, operation)
    codes = _codes(operation, method, view, takes_reference=takes_reference, has_id=has_id)
    for status, named in sorted(_by_status(codes).items()):
        answers.setdefault(str(status.value), problem_answer(status, named))
    operation["responses"] = dict(sorted(answers.items()))


def _let_body_be_left_out(document: Json, operation: Json) -> None:
    """A body whose fields may all be left out may be left out itself: a header is enough."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    if name:
        operation["requestBody"]["required"] = "required" in document["components"]["schemas"][name]


def _takes_reference(document: Json, operation: Json) -> bool:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    schema = document["components"]["schemas"].get(name, {})
    return "reference" in schema.get("properties", {})


def _add_replay(answers: Json) -> None:
    """Say that the same request again is answered with 200 and the header of replays."""
    for status in ("201", "202"):
        if status in answers:
            answers["200"] = answers[status] | {
                "description": "The same request again: what it made, as it is now.",
            }
    answers["200"]["headers"] = answers["200"]["headers"] | _REPLAYED


def _codes(
    operation: Json, method: str, view: _View, *, takes_reference: bool, has_id: bool
) -> list[str]:
    codes = ["credentials_in_url", "internal"]
    if not is_uncounted(view):
        codes.append("rate_limited")
    if "requestBody" in operation or any(
        p["in"] == "query" for p in operation.get("parameters", ())
    ):
        codes.insert(0, "validation")
    if action_of(view) is not None:
        codes += ["unauthorized", "role_forbidden", "scope_missing", "step_up_required"]
        codes += ["origin_not_trusted", "unavailable"]
    if has_id:
        codes.append("not_found")
    if method in _WRITING:
        codes += ["too_large", "request_timeout"]
        if not reads_raw_body(view):
            codes.append("unsupported_media_type")
    if takes_reference:
        codes += _OF_REFERENCES
    return [*problems_of(view), *codes]


def _by_status(codes: list[str]) -> dict[HTTPStatus, list[str]]:
    found: dict[HTTPStatus, list[str]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        found[PROBLEMS[code].status].append(code)
    return found


def _add_examples(operation: Json, classes: Mapping[str, type[Schema]]) -> None:
    """Show the example that stands with each schema."""
    for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
        content = holder.get("content", {}).get("application/json", {})
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        example = getattr(classes.get(name), "example", None)
        if example is not None:
            content["example"] = example


def tag_descriptions(app: Flask, names: list[str]) -> list[Json]:
    """Return what each group of operations is about: the first line of its module."""
    told = []
    for name in names:
        view = next(view for end, view in app.view_functions.items() if end.startswith(f"{name}."))
        module = inspect.getmodule(inspect.unwrap(view))
        text = (inspect.getdoc(module) or "").split("\n\n")[0] if module else ""
        told.append({"name": name, "description": " ".join(text.split())})
    return told
