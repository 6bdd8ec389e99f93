"""The parts that operations of the OpenAPI document share: fields, headers, objects, problems."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from marshmallow import Schema, fields

from web.problems import PROBLEMS
from web.schemas.fields import (
    AMOUNT_PATTERN,
    ID_PATTERN,
    RATE_PATTERN,
    AmountField,
    IdField,
    RateField,
    ShownAmountField,
    SignedAmountField,
)

Json = dict[str, Any]

HEADERS: Json = {
    "X-Request-Id": {
        "description": "Names this request in our logs: the caller's own id if it sent one.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before sending the same again.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "Idempotent-Replayed": {
        "description": "`true`: this reference was answered before, and nothing happened now.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "WWW-Authenticate": {
        "description": "How to authenticate.",
        "required": True,
        "schema": {"type": "string"},
    },
}

REFERENCE_PARAMETER: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The reference, for callers who would rather not have it in the body; one of"
    " both is needed, and both given must agree.",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
}


class ProblemSchema(Schema):
    """An error as application/problem+json (RFC 9457); act on `code`."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(metadata={"description": "What happened, for people."})
    code = fields.String(required=True)
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        required=True,
        metadata={"description": "What is wrong with each field."},
    )
    request_id = fields.String(required=True)
    stripe_code = fields.String(metadata={"description": "Of a declined card: Stripe's code."})
    message = fields.String(metadata={"description": "Of a declined card: for the payer."})
    next_step = fields.String(metadata={"description": "Of a declined card: what to offer."})


def describe_field(_converter: object, field: fields.Field[Any], *, ret: Json) -> Json:
    """Return the JSON schema of our own kinds of fields; apispec adds the rest."""
    nullable = ["null"] if field.allow_none else []
    if isinstance(field, AmountField):
        return _amount_schema(field, nullable)
    if isinstance(field, RateField):
        kinds = ["string", "number", *nullable]
        return {
            "type": kinds,
            "pattern": f"^{RATE_PATTERN}$",
            "minimum": 0,
            "exclusiveMaximum": 1000,
        }
    if isinstance(field, IdField):
        return {"pattern": f"^{ID_PATTERN}$"}
    python: str = ret.get("pattern", "")
    if python.endswith(r"\Z"):  # Python's way; and it matches from the beginning
        return {"pattern": "^" + python.removesuffix(r"\Z") + "$"}
    return {}


def _amount_schema(field: AmountField, nullable: list[str]) -> Json:
    if isinstance(field, ShownAmountField):
        return {"type": ["string", *nullable], "pattern": f"^-?{AMOUNT_PATTERN}$"}
    kinds = ["string", "integer", *nullable]
    if isinstance(field, SignedAmountField):
        return {"type": kinds, "pattern": f"^-?{AMOUNT_PATTERN}$"}
    return {
        "type": kinds,
        "pattern": field.metadata.get("pattern", f"^{AMOUNT_PATTERN}$"),
        "minimum": field.metadata.get("minimum", 0),
    }


def problem_answer(status: HTTPStatus, codes: list[str]) -> Json:
    """Return the answer of one status: which codes it may carry, and what they mean."""
    first = PROBLEMS[codes[0]]
    headers = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WWW-Authenticate"}
    if {"in_progress", "rate_limited", "too_many_requests", "unavailable"}.intersection(codes):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    if "card_declined" in codes:
        headers["Idempotent-Replayed"] = {"$ref": "#/components/headers/Idempotent-Replayed"}
    example: Json = {
        "type": f"urn:strongroom:problem:{codes[0]}",
        "title": status.phrase,
        "status": status.value,
        "detail": first.meaning,
        "code": codes[0],
        "errors": {},
        "request_id": "req_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
    }
    if codes[0] == "card_declined":
        example["detail"] = example["message"] = "The card has insufficient funds."
        example |= {"stripe_code": "insufficient_funds", "next_step": "try_another_card"}
    members = {"code": {"enum": codes}, "status": {"const": status.value}}
    return {
        "description": "\n".join(f"`{code}`: {PROBLEMS[code].meaning}" for code in codes),
        "headers": headers,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem", "properties": members},
                "example": example,
            }
        },
    }


def complete_answers(document: Json, classes: Mapping[str, type[Schema]]) -> None:
    """Say of every object in answers that its fields are always there, but for `may_lack`."""
    schemas = document["components"]["schemas"]
    given = set(_reachable(schemas, [op.get("requestBody", {}) for op in _operations(document)]))
    shown = set(_reachable(schemas, [op["responses"] for op in _operations(document)]))
    for name in shown - given - {"Problem"}:
        absent = getattr(classes.get(name), "may_lack", ())
        schemas[name]["required"] = [
            key for key in schemas[name]["properties"] if key not in absent
        ]


def _operations(document: Json) -> Iterator[Json]:
    for methods in document["paths"].values():
        yield from (operation for name, operation in methods.items() if name != "parameters")


def _reachable(schemas: Json, holders: list[Json]) -> Iterator[str]:
    """Yield the names of all objects that the holders refer to, directly or through others."""
    seen: set[str] = set()
    waiting: list[Any] = list(holders)
    while waiting:
        match waiting.pop():
            case {"$ref": str(reference), **rest}:
                waiting.extend(rest.values())
                name = reference.rpartition("/")[2]
                if name in schemas and name not in seen:
                    seen.add(name)
                    waiting.append(schemas[name])
            case dict(inner):
                waiting.extend(inner.values())
            case list(inner):
                waiting.extend(inner)
    yield from seen
